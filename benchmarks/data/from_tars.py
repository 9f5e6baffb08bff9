"""Files in tar files: WebDataset shards, and folders that were packed."""

from __future__ import annotations

import io
import os
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from benchmarks.data.config import DataError
from benchmarks.data.division import Division, divide, require_splits
from benchmarks.data.files import Files, Kind, SomeFiles
from benchmarks.data.folder import TEST_FOLDERS, TRAIN_FOLDER, folder_class
from benchmarks.data.machine import in_threads, own_console
from benchmarks.data.tar_files import Headers, Window, find_target, read_headers, sample_key
from storage.paths import StrPath, printable

REST = "(what follows)"
"""Stands for the members that a damaged file does not give."""


class Member(NamedTuple):
    """A file in a tar file.

    Attributes:
        tar: Number of the tar file.
        path: In the tar file.
        offset: Where its bytes begin, in bytes from the start of the tar file.
        size: How many they are.
        label: What the member KEY.cls beside it says: a number, or a name; None without one.
        problem: Why it cannot be read.
    """

    tar: int
    path: str
    offset: int = 0
    size: int = 0
    label: str | int | None = None
    problem: str = ""


@dataclass(frozen=True)
class TarMembers:
    """Files in tar files.

    Attributes:
        folder: What the tar files' names are relative to.
        tars: Names of the tar files.
        members: The files, in their order.
        below: How many folders stand above that of a class, in the tar file.
    """

    folder: Path
    tars: tuple[str, ...]
    members: tuple[Member, ...]
    below: int = 0

    def __len__(self) -> int:
        return len(self.members)

    def name(self, index: int) -> str:
        """Of several tar files the tar file's name and that in it; of one that in it, as of the folder that was
        packed."""
        member = self.members[index]
        return member.path if len(self.tars) == 1 else f"{self.tars[member.tar]}/{member.path}"

    def file(self, index: int) -> BinaryIO:
        member = self.members[index]
        if member.problem:
            raise ValueError(member.problem)
        return io.BufferedReader(Window(self.folder / self.tars[member.tar], member.offset, member.size))

    def class_of(self, index: int) -> str | int:
        member = self.members[index]
        return folder_class(member.path, self.below) if member.label is None else member.label


def open_tars(kind: Kind, source: str, tars: Sequence[StrPath], splits: Sequence[str] = ()) -> Division[Files]:
    """The files of a kind in tar files, and which of them train and test: those of `splits`, or else as of a folder.

    A split of one tar file is a folder in it; of several those are one that have its name as a word in theirs, or in
    that of a folder: train-000.tar, val/000.tar. Links lead to members only. What is damaged or cut off is a file
    that cannot be read, and is reported as such.

    Args:
        source: What the tar files were named by.

    Raises:
        DataError: none of that kind, or a split that is not there.
    """
    paths = sorted(map(Path, tars))
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    names = tuple(path.relative_to(folder).as_posix() for path in paths)
    looks = in_threads(
        lambda number: _members(kind, paths[number], number), len(paths), "reading tar files", own_console()
    )
    members = tuple(member for found in looks for member in found)
    problems = [f": {printable(names[each.tar])}: {each.problem}" for each in members if each.problem]
    if all(member.problem for member in members):
        raise DataError(f"no {kind.noun}s in {source}{problems[0] if problems else ''}")
    usual = dict.fromkeys((*splits, TRAIN_FOLDER, *TEST_FOLDERS))
    of_tar = [_split_in(name, usual) for name in names]
    of_member = [_split_of(member, usual) if len(names) == 1 else of_tar[member.tar] for member in members]
    known = [split for split in usual if split in of_member]
    require_splits(splits, known, source)

    def found(*parts: str) -> Files:
        chosen = (member for member, own in zip(members, of_member, strict=True) if not parts or own in parts)
        return TarMembers(folder, names, tuple(chosen), below=1 if parts and len(names) == 1 else 0)

    test = next((split for split in TEST_FOLDERS if split in known), None)
    usually = (TRAIN_FOLDER, test) if test and TRAIN_FOLDER in known else ()
    return divide(found, splits or usually, SomeFiles, noun=kind.noun, order="relative path", known=known, mark="/")


def _split_of(member: Member, splits: Iterable[str]) -> str | None:
    """The split that a member of a single tar file belongs to, by the folder that it lies in."""
    first, sign, _ = member.path.partition("/")
    return first if sign and first in splits else None


def _split_in(tar: str, splits: Iterable[str]) -> str | None:
    """The split whose name stands first as words in that of a tar file; of two in one place the longer."""
    found = {split: re.search(rf"(?<![^\W_]){re.escape(split)}(?![^\W_])", tar) for split in splits}
    places = {split: (match.start(), -len(split)) for split, match in found.items() if match}
    return min(places, key=places.__getitem__, default=None)


def _members(kind: Kind, path: Path, number: int) -> list[Member]:
    """The files of a kind in a tar file, sorted by path."""
    headers = read_headers(path)
    wanted = (name for name in sorted(headers.members) if kind.is_one(name) and not _is_hidden(name))
    found = [_member(headers, number, name) for name in wanted]
    if headers.problem:  # stands where it was to go on
        label = next(reversed(headers.labels.values()), None)
        found.append(Member(number, posixpath.join(headers.folder, REST), label=label, problem=headers.problem))
    return found


def _is_hidden(name: str) -> bool:
    """As in a folder: such files are left out, among them those that macOS packs beside each."""
    return any(part.startswith(".") and part != ".." for part in name.split("/"))


def _member(headers: Headers, number: int, name: str) -> Member:
    label = headers.labels.get(sample_key(name))
    file = find_target(headers.members, name)
    if file is None:
        target = printable(headers.members[name].linkname)
        return Member(number, name, label=label, problem=f"a link to {target}, which is not in the tar file")
    if file.issparse():
        return Member(number, name, label=label, problem="stored with holes: pack it without --sparse")
    return Member(number, name, file.offset_data, file.size, label)
