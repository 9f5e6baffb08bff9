"""What `python -m benchmarks.compress` is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.usage import UsageError

Output = Annotated[Path, tyro.conf.arg(aliases=["-o"])]


@dataclass(frozen=True, kw_only=True)
class _Codec:
    run: Path
    """Stored run (RUN.json, with RUN.safetensors beside it), whose tokenizer codes the pictures."""
    output: Output
    """Folder that files are written to."""
    prior: str | None = None
    """A prior of that run's codes, by its kind (gpt, maskgit) or the digest of its settings."""
    force: bool = False
    """Write over files that are there."""
    cpu: bool = False
    """Stay on the CPU where there is a GPU."""


@dataclass(frozen=True, kw_only=True)
class Encode(_Codec):
    """Write a file for each picture, PICTURE.qz: its codes under a stored run's tokenizer, entropy-coded.

    Codes are as likely as they were in the run's test pictures, or under --prior as that says. Pictures of any size;
    transparency is laid over white, and grey pictures come back grey.
    """

    pictures: tyro.conf.Positional[tuple[Path, ...]]
    """Picture files."""
    fixed_length: bool = False
    """No entropy coding: log2 of the codebook's size for each code."""

    def check(self) -> None:
        """Raise UsageError where these flags do not go together."""
        if not self.pictures:
            raise UsageError("name the pictures: benchmarks.compress encode PICTURE… --run RUN.json -o FOLDER")
        if self.fixed_length and self.prior is not None:
            raise UsageError("--fixed-length is without entropy coding, and --prior with it: give one")


@dataclass(frozen=True, kw_only=True)
class Decode(_Codec):
    """Write the picture of each file, FILE.png. It must be of this run's tokenizer and, where it was coded under a
    prior, of this prior, and whole: anything else is refused."""

    files: tyro.conf.Positional[tuple[Path, ...]]
    """Files that encode wrote."""

    def check(self) -> None:
        """Raise UsageError where there is nothing to do."""
        if not self.files:
            raise UsageError("name the files: benchmarks.compress decode FILE… --run RUN.json -o FOLDER")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Pictures as files of codes, and back.

    A file holds the codes of one picture in as few bytes as they need, and what tells its tokenizer, its prior and
    every change of it apart.
    """

    command: tyro.conf.OmitSubcommandPrefixes[tyro.conf.OmitArgPrefixes[Encode | Decode]]


def parse(argv: Sequence[str]) -> Encode | Decode:
    """What is to be done."""
    return parse_flags(Arguments, "benchmarks.compress", argv).command
