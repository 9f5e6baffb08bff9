"""What `python -m benchmarks.compress` does with its arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape

from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.compress.arguments import Decode, Encode
from benchmarks.compress.choice import files_of
from benchmarks.compress.opening import open_histogram, open_run, require_prior
from benchmarks.compress.signal import SignalFiles
from benchmarks.data.folder import find_files
from benchmarks.protocols.compression.tokenizer_codec import SUFFIX, TokenizerCodec
from benchmarks.training.loading import LoadedRun
from priors.code_file import kind_of
from priors.code_models import CodeModel, CodePrior, FixedLength, Histogram
from storage.paths import printable
from storage.whole_files import replacing

Work = Callable[[Path, Path], str]
"""From a file to the one to be written; what to say of it. ValueError and OSError where it cannot be done."""


def compress(arguments: Encode | Decode, console: Console, errors: Console) -> int:
    """Write all files; 0 when all are written, 1 when one could not be.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    arguments.check()
    require_writable(arguments.output)
    run = open_run(arguments.run, arguments.prior, arguments.cpu)
    signal = files_of(arguments.run, run)

    @cache
    def codec(kind: type[CodeModel]) -> TokenizerCodec[Any]:
        return signal.codec(_model(run, arguments, kind))

    if isinstance(arguments, Encode):
        kind = FixedLength if arguments.fixed_length else Histogram if arguments.prior is None else CodePrior
        encoder = codec(kind)

        def encode(file: Path, output: Path) -> str:
            data, rate = signal.encode(encoder, file)
            with replacing(output) as temporary:
                temporary.write_bytes(data)
            return f"{decimal(len(data))}, {rate}"

        files = [file for path in arguments.files for file in _files(path, signal)]
        return _each(files, SUFFIX, encode, arguments, console, errors)

    def decode(file: Path, output: Path) -> str:
        data = file.read_bytes()
        return signal.decode(codec(kind_of(data)), data, output)

    return _each(arguments.files, signal.suffix, decode, arguments, console, errors)


def _files(path: Path, signal: SignalFiles[Any]) -> list[Path]:
    """A file, or all of the signal below a folder. UsageError where it has none."""
    if not path.is_dir():
        return [path]
    found = [path / name for name in find_files(path, "", signal.is_one)]
    if not found:
        raise UsageError(f"{path}: a folder without {signal.noun}")
    return found


def _model(run: LoadedRun, arguments: Encode | Decode, kind: type[CodeModel]) -> CodeModel:
    if kind is FixedLength:
        return FixedLength()
    if kind is Histogram:
        return open_histogram(arguments.run)
    return CodePrior(require_prior(run, arguments.run, arguments.prior))


@torch.no_grad()
def _each(
    files: Sequence[Path], suffix: str, work: Work, arguments: Encode | Decode, console: Console, errors: Console
) -> int:
    """Do the work on each file; one that cannot be done is named and does not end the others."""
    names = Counter(file.stem for file in files)
    failed = 0
    for file in files:
        output = arguments.output / f"{file.stem}{suffix}"
        try:
            if names[file.stem] > 1:
                raise UsageError(f"several files would become {output.name}; name another folder for each")
            if output.exists() and not arguments.force:
                raise UsageError(f"{printable(output)} is there already; give --force to write over it")
            said = work(file, output)
        except (ValueError, OSError) as error:
            failed += 1
            problem = (isinstance(error, OSError) and error.strerror) or error
            errors.print(f"error: {escape(printable(file))}: {escape(str(problem))}")
        else:
            console.print(f"{escape(printable(output))}: {said}", soft_wrap=True, highlight=False)
    return 1 if failed else 0
