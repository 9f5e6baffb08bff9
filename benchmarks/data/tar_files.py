"""Tar files, read where their members lie: what is in one, and the bytes of each, without unpacking any.

The standard library's `tarfile` says of each member where it begins. So any picture can be had at any time and by any
process. The libraries for shards stream them: `webdataset` gives samples one after the other, `datasets` first copies
them all and refuses shards whose first samples differ in kind. Both read by `tarfile` too, which ends at a damaged
place with an error, or as if nothing followed; here that is seen and said.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from benchmarks.data.checking import reason
from benchmarks.data.folder import find_files
from storage.paths import StrPath

SUFFIX, LABEL_SUFFIX = ".tar", ".cls"
LABEL_BYTES = 1024
"""Of a label that are read at most."""


def is_tar(path: StrPath) -> bool:
    """Whether a file is a tar file: by its name, so that a broken one is called so, or by its bytes."""
    path = Path(path)
    return path.is_file() and (path.suffix == SUFFIX or tarfile.is_tarfile(path))


def find_tars(folder: StrPath) -> tuple[str, ...]:
    """Every tar file anywhere below a folder, as `find_files`."""
    return find_files(folder, "", lambda name: name.endswith(SUFFIX))


class Window(io.RawIOBase):
    """A part of a file, to read; its own open file, so that threads and processes do not disturb each other."""

    def __init__(self, path: StrPath, offset: int, size: int) -> None:
        super().__init__()
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115  (closed with the window)
        self._offset, self._size, self._place = offset, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = max(0, min(len(buffer), self._size - self._place))
        self._file.seek(self._offset + self._place)
        read = self._file.readinto(memoryview(buffer)[:count]) or 0
        self._place += read
        return read

    def close(self) -> None:
        self._file.close()
        super().close()


class Headers(NamedTuple):
    """What a tar file says of its members.

    Attributes:
        members: Files and links by path, those that stand last where several have one.
        labels: What members KEY.cls say, by KEY.
        folder: That of the last member.
        problem: Why there may be more; empty where the file is whole.
    """

    members: dict[str, tarfile.TarInfo]
    labels: dict[str, str | int]
    folder: str
    problem: str


def find_target(members: dict[str, tarfile.TarInfo], name: str) -> tarfile.TarInfo | None:
    """The file that a member is, or that it is a link to; None where that is not among them."""
    seen: set[str] = set()
    while name in members and name not in seen:
        seen.add(name)
        member = members[name]
        if member.isreg():
            return member
        beside = posixpath.dirname(name) if member.issym() else ""
        name = posixpath.normpath(posixpath.join(beside, member.linkname))
    return None


def sample_key(name: str) -> str:
    """What the members of a WebDataset sample have in common: all before the first dot of the file's own name."""
    folder, _, file = name.rpartition("/")
    return f"{folder}/{file.partition('.')[0]}"


def read_headers(path: StrPath) -> Headers:
    """What a tar file says of its members, as far as it can be read."""
    members: dict[str, tarfile.TarInfo] = {}
    labels: dict[str, str | int] = {}
    name = ""
    try:
        with tarfile.open(path, "r:") as tar:
            problem = ""
            try:
                for member in tar:
                    name = posixpath.normpath(member.name)
                    if member.isreg() or member.issym() or member.islnk():
                        members[name] = member
                    if member.isreg() and name.endswith(LABEL_SUFFIX) and member.size:
                        labels[sample_key(name)] = _label(cast(BinaryIO, tar.extractfile(member)).read(LABEL_BYTES))
            except Exception:  # its parsers raise whatever they meet
                problem = "the tar file is cut off or damaged here"
            problem = problem or _what_stands_at(path, tar.offset)
    except OSError as error:
        problem = reason(error)
    except Exception:
        problem = "no tar file that can be read; one that is compressed has to be uncompressed first"
    return Headers(members, labels, posixpath.dirname(name), problem)


def _label(content: bytes) -> str | int:
    text = content.decode("utf-8", "surrogateescape").strip()
    return int(text) if text.isascii() and text.isdecimal() else text


def _what_stands_at(path: StrPath, offset: int) -> str:
    """What is wrong at the place where `tarfile` ended: it ends, as if all were well, where a header is none."""
    with Path(path).open("rb") as file:
        file.seek(offset)
        block = file.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        return "the tar file is cut off here"
    return f"the tar file is damaged here, at byte {offset:,}" if any(block) else ""
