"""Files that are written whole or not at all, whenever the writer is killed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.paths import StrPath


@contextmanager
def replacing(path: StrPath) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place, durably, when the block ends well.

    Whoever may read a new file here may read it, also where the block writes by a library that is more private.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.touch()
        mode = stat.S_IMODE(temporary.stat().st_mode)
        yield temporary
        temporary.chmod(mode)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
