"""What is said of mistakes in what was asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from storage.paths import StrPath, printable


class UsageError(ValueError):
    """A mistake in what was asked for; the message is one sentence for the person who asked."""


def require_writable(folder: StrPath) -> None:
    """Raise UsageError unless files can be made in `folder`; makes it where it is missing.

    Its name must be UTF-8: safetensors opens no files whose are not.
    """
    folder = Path(folder)
    if printable(folder) != str(folder):
        raise UsageError(f"cannot write to --output {printable(folder)}: its name is not UTF-8; name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"cannot write to --output {folder}: {error.strerror}; name a folder that you may write"
        ) from error


def require_published(model: str | None, checkpoint: StrPath | None, image_size: int | None) -> None:
    """Raise UsageError where flags that are for --model come without it."""
    if model is None and checkpoint is not None:
        raise UsageError("--checkpoint is the file of a published tokenizer: say which by --model NAME")
    if model is None and image_size is not None:
        raise UsageError("--image-size is for --model: a stored run has the size that it was trained at")


RUNS = Path("runs")
"""Folder that runs are stored in and read from, unless another is named."""


def existing_paths(paths: Sequence[StrPath]) -> list[Path]:
    """The files and folders to read.

    Raises:
        UsageError: one is not there.
    """
    asked = [*map(Path, paths)]
    for path in asked:
        if not path.exists():
            own = "no run is stored yet: make one with python -m benchmarks.run, or " if path == RUNS else ""
            raise UsageError(f"{path} does not exist; {own}name a folder of stored runs, as results of this project is")
    return asked
