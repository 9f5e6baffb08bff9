"""What `python -m benchmarks.compress` does with its arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import torch
from PIL import Image, UnidentifiedImageError
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape

from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.compress.arguments import Decode, Encode
from benchmarks.compress.opening import open_histogram, open_run, require_prior
from benchmarks.data.folder import FORMATS
from benchmarks.protocols.compression.pictures import SUFFIX, PictureCodec
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

    @cache
    def codec(kind: type[CodeModel]) -> PictureCodec:
        return PictureCodec(run.tokenizer, _model(run, arguments, kind))

    if isinstance(arguments, Encode):
        kind = FixedLength if arguments.fixed_length else Histogram if arguments.prior is None else CodePrior
        encoder = codec(kind)
        return _each(arguments.pictures, SUFFIX, lambda *paths: encode(encoder, *paths), arguments, console, errors)

    def decode(file: Path, output: Path) -> str:
        data = file.read_bytes()
        picture = codec(kind_of(data)).decode(data)
        with replacing(output) as temporary:
            picture.save(temporary, "PNG")
        return f"{picture.width} × {picture.height} pixels"

    return _each(arguments.files, ".png", decode, arguments, console, errors)


def encode(codec: PictureCodec, file: Path, output: Path) -> str:
    """Write the codes of a picture; says how many bytes they take."""
    try:
        with Image.open(file, formats=FORMATS) as picture:
            data, pixels = codec.encode(picture), picture.width * picture.height
    except UnidentifiedImageError as error:
        raise ValueError("not a picture of a format that is read here") from error
    with replacing(output) as temporary:
        temporary.write_bytes(data)
    return f"{decimal(len(data))}, {8 * len(data) / pixels:.3f} bits per pixel"


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
