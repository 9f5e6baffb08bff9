"""Pictures in tar files: WebDataset shards, and folders of pictures that were packed."""

from __future__ import annotations

import io
import os
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image

from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.folder import FORMATS, TEST_FOLDERS, TRAIN_FOLDER, is_picture
from benchmarks.data.machine import in_threads, own_console
from benchmarks.data.pictures import Source, folder_class, require_splits, split_by_source, split_every_fifth
from benchmarks.data.tar_files import Headers, Window, find_target, read_headers, sample_key
from storage.paths import StrPath, printable

REST = "(what follows)"
"""Stands for the members that a damaged file does not give."""


class Member(NamedTuple):
    """A picture in a tar file.

    Attributes:
        tar: Number of the file.
        path: In the file.
        offset: Where its bytes begin, in bytes from the start of the file.
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
class TarPictures:
    """Pictures in tar files.

    Attributes:
        folder: What the files' names are relative to.
        tars: Names of the files.
        members: The pictures, in their order.
        below: How many folders stand above that of a class, in the file.
    """

    folder: Path
    tars: tuple[str, ...]
    members: tuple[Member, ...]
    below: int = 0

    def __len__(self) -> int:
        return len(self.members)

    def name(self, index: int) -> str:
        """Of several files the file's name and that in it; of one that in it, as of the folder that was packed."""
        member = self.members[index]
        return member.path if len(self.tars) == 1 else f"{self.tars[member.tar]}/{member.path}"

    def open(self, index: int) -> Image.Image:
        member = self.members[index]
        if member.problem:
            raise ValueError(member.problem)
        return Image.open(self._bytes(member), formats=FORMATS)

    def stored(self, index: int, picture: Image.Image) -> BinaryIO:
        return self._bytes(self.members[index])

    def _bytes(self, member: Member) -> BinaryIO:
        return io.BufferedReader(Window(self.folder / self.tars[member.tar], member.offset, member.size))

    def class_of(self, index: int) -> str | int:
        member = self.members[index]
        return folder_class(member.path, self.below) if member.label is None else member.label


def open_tars(config: DataConfig, tars: Sequence[StrPath], splits: Sequence[str] = ()) -> Source:
    """The pictures in tar files, and which of them train and test: those of `splits`, or else as of a folder.

    A split of one file is a folder in it; of several those files are one that have its name as a word in theirs, or in
    that of a folder: train-000.tar, val/000.tar. Links lead to members only. What is damaged or cut off is a picture
    that cannot be read, and is reported as such.

    Raises:
        DataError: no pictures, or a split that is not there.
    """
    paths = sorted(map(Path, tars))
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    names = tuple(path.relative_to(folder).as_posix() for path in paths)
    looks = in_threads(lambda number: _members(paths[number], number), len(paths), "reading tar files", own_console())
    members = tuple(member for found in looks for member in found)
    problems = [f": {printable(names[each.tar])}: {each.problem}" for each in members if each.problem]
    if all(member.problem for member in members):
        raise DataError(f"no pictures in {config.source}{problems[0] if problems else ''}")
    usual = dict.fromkeys((*splits, TRAIN_FOLDER, *TEST_FOLDERS))
    of_tar = [_split_in(name, usual) for name in names]
    of_member = [_split_of(member, usual) if len(names) == 1 else of_tar[member.tar] for member in members]
    known = [split for split in usual if split in of_member]
    require_splits(splits, known, config.source)

    def part(split: str) -> TarPictures:
        chosen = tuple(member for member, own in zip(members, of_member, strict=True) if own == split)
        return TarPictures(folder, names, chosen, below=1 if len(names) == 1 else 0)

    if len(splits) == 1:
        return split_every_fifth(part(splits[0]), "relative path", config.min_crop)
    train, test = splits or (TRAIN_FOLDER, next((split for split in TEST_FOLDERS if split in known), None))
    if train not in known or test is None:
        return split_every_fifth(TarPictures(folder, names, members), "relative path", config.min_crop)
    source = split_by_source(lambda: part(train), part(test), f"{train}/ trains, {test}/ tests", config.min_crop)
    return replace(source, others=tuple(f"{other}/" for other in known if other not in (train, test)))


def _split_of(member: Member, splits: Iterable[str]) -> str | None:
    """The split that a member of a single file belongs to, by the folder that it lies in."""
    first, sign, _ = member.path.partition("/")
    return first if sign and first in splits else None


def _split_in(tar: str, splits: Iterable[str]) -> str | None:
    """The split whose name stands first as words in that of a tar file; of two in one place the longer."""
    found = {split: re.search(rf"(?<![^\W_]){re.escape(split)}(?![^\W_])", tar) for split in splits}
    places = {split: (match.start(), -len(split)) for split, match in found.items() if match}
    return min(places, key=places.__getitem__, default=None)


def _members(path: Path, number: int) -> list[Member]:
    """The pictures in a tar file, sorted by path."""
    headers = read_headers(path)
    found = [_member(headers, number, name) for name in sorted(headers.members) if _is_shown(name)]
    if headers.problem:  # stands where it was to go on
        label = next(reversed(headers.labels.values()), None)
        found.append(Member(number, posixpath.join(headers.folder, REST), label=label, problem=headers.problem))
    return found


def _is_shown(name: str) -> bool:
    """As in a folder: hidden files are no pictures, among them those that macOS packs beside each."""
    return is_picture(name) and not any(part.startswith(".") and part != ".." for part in name.split("/"))


def _member(headers: Headers, number: int, name: str) -> Member:
    label = headers.labels.get(sample_key(name))
    file = find_target(headers.members, name)
    if file is None:
        target = printable(headers.members[name].linkname)
        return Member(number, name, label=label, problem=f"a link to {target}, which is not in the tar file")
    if file.issparse():
        return Member(number, name, label=label, problem="stored with holes: pack it without --sparse")
    if file.size == 0:
        return Member(number, name, label=label, problem="the file is empty")
    return Member(number, name, file.offset_data, file.size, label)
