"""What is said of mistakes in what was asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from storage.paths import StrPath


class UsageError(ValueError):
    """A mistake in what was asked for; the message is one sentence for the person who asked."""


def require_writable(folder: StrPath) -> None:
    """Raise UsageError unless files can be made in `folder`; makes it where it is missing."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"cannot write to --output {folder}: {error.strerror}; name a folder that you may write"
        ) from error


def existing_paths(paths: Sequence[StrPath], default: Sequence[StrPath]) -> list[Path]:
    """The files and folders to read; of the `default` ones those that are there.

    Raises:
        UsageError: one that is named is not there.
    """
    asked, usual = [*map(Path, paths)], [*map(Path, default)]
    existing = [path for path in asked if path.exists()]
    lacking = [path for path in asked if path not in existing]
    if lacking and asked != usual:
        raise UsageError(f"{lacking[0]} does not exist; name a folder of stored runs")
    return existing
