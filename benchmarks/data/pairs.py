"""Two folders of pictures, originals and reconstructions, matched by name."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import torch
from jaxtyping import UInt8
from rich.console import Console
from torch import Tensor
from torch.utils.data import Dataset

from benchmarks.data.checking import content_digest, reason
from benchmarks.data.config import DataError
from benchmarks.data.folder import PictureFiles, find_pictures, require_folder
from benchmarks.data.machine import in_threads
from benchmarks.data.naming import short_name
from benchmarks.data.transforms import to_rgb, to_tensor, written
from storage.paths import StrPath, printable

NAMED = 3
"""Files of a kind of mistake that a message names."""

Size = tuple[int, int]
"""Height and width in pixels."""

LOSSY = {".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".avif"}


@dataclass(frozen=True)
class PicturePairs(Dataset[UInt8[Tensor, "2 3 h w"]]):
    """Pictures with their reconstructions, as they are, also of several sizes: nothing is resized or cropped.

    Attributes:
        originals: in order of their paths.
        reconstructions: the one of each.
        sizes: (height, width) of each.
        record: what they are; JSON-able.
    """

    originals: PictureFiles
    reconstructions: PictureFiles
    sizes: tuple[Size, ...]
    record: dict[str, Any]

    def __len__(self) -> int:
        return len(self.originals)

    @property
    def shared(self) -> Size:
        """Height and width that all of them have at least: of the central part that metrics of sets take."""
        height, width = map(min, zip(*self.sizes, strict=True))
        return height, width

    def __getitem__(self, index: int) -> UInt8[Tensor, "2 3 h w"]:
        return torch.stack([_pixels(self.originals, index), _pixels(self.reconstructions, index)])


class _Look(NamedTuple):
    """What reading a pair has shown: (height, width) and digest of both pictures, or what is wrong with them."""

    sizes: list[Size]
    digests: list[str]
    problem: str = ""


def open_pairs(reference: StrPath, reconstruction: StrPath, console: Console) -> PicturePairs:
    """All pictures of two folders, matched by their relative path without its suffix; each is read once.

    Raises:
        DataError: a folder that is missing or empty; pictures without counterpart, unreadable, or not as large as it.
    """
    reconstruction = Path(reconstruction)
    reference = Path(reference)
    folders = reference, reconstruction
    named = [_by_name(folder) for folder in folders]
    names = sorted(named[0].keys() & named[1].keys(), key=named[0].__getitem__)  # as a folder alone is sorted
    _refuse(
        {
            f"in {reference} only": sorted(named[0].keys() - named[1].keys()),
            f"in {reconstruction} only": sorted(named[1].keys() - named[0].keys()),
        },
        "each original needs one reconstruction, of the same relative path but for the suffix",
    )
    originals, reconstructions = (
        PictureFiles(folder.expanduser(), tuple(files[name] for name in names))
        for folder, files in zip(folders, named, strict=True)
    )
    looks = list(in_threads(partial(_look, originals, reconstructions), len(names), "reading pairs", console))
    sizes = _sizes(names, looks)
    fingerprints = [content_digest(*(look.digests[i] for look in looks)) for i in (0, 1)]
    lossy = sum(PurePosixPath(name).suffix.lower() in LOSSY for name in reconstructions.files)
    are_one_square = len({side for size in sizes for side in size}) == 1
    record = {
        "name": short_name(str(reference)),
        "source": printable(reference),
        "split": "all pictures",
        "image_size": min(map(min, sizes)),
        **({} if are_one_square else {"sizes": _in_words(sizes)}),
        "fingerprint": fingerprints[0],
        "test": {
            "pictures": len(names),
            "crop": _crop_in_words(sizes),
            "fingerprint": fingerprints[0],
        },
        "reconstructions": {
            "name": short_name(str(reconstruction)),
            "source": printable(reconstruction),
            "fingerprint": fingerprints[1],
            "lossy": lossy,
            "bpp": _bits_per_pixel(reconstructions, sizes) if lossy == len(names) else None,
        },
    }
    return PicturePairs(originals, reconstructions, sizes, record)


def _by_name(folder: Path) -> dict[str, str]:
    """Relative path without suffix -> file."""
    files = find_pictures(require_folder(str(folder))).files
    if not files:
        raise DataError(f"no pictures in {folder}")
    bare = [PurePosixPath(file).with_suffix("").as_posix() for file in files]
    twice = [name for name, count in Counter(bare).items() if count > 1]
    _refuse({f"twice in {folder}, with different suffixes": twice}, "each picture must be there once")
    return dict(zip(bare, files, strict=True))


def _pixels(files: PictureFiles, index: int) -> UInt8[Tensor, "3 h w"]:
    with files.open(index) as picture:
        return to_tensor(to_rgb(picture))


def _look(originals: PictureFiles, reconstructions: PictureFiles, index: int) -> _Look:
    sizes, digests = [], []
    for files in (originals, reconstructions):
        try:
            pixels = _pixels(files, index)
        except Exception as error:  # PIL's decoders raise whatever they meet
            return _Look([], [], f"{files.folder / files.name(index)}: {reason(error)}")
        sizes.append((pixels.shape[1], pixels.shape[2]))
        digests.append(content_digest(files.name(index), pixels.numpy().tobytes()))
    return _Look(sizes, digests)


def _sizes(names: Sequence[str], looks: Sequence[_Look]) -> tuple[Size, ...]:
    """Of each pair; DataError where one is unreadable, or two are not of one size."""
    _refuse({"unreadable": [look.problem for look in looks if look.problem]}, "mend these pictures, or make them again")
    unequal = [
        f"{name} ({written(look.sizes[0])} and {written(look.sizes[1])})"
        for name, look in zip(names, looks, strict=True)
        if look.sizes[0] != look.sizes[1]
    ]
    _refuse({"reconstructions of another size than their originals": unequal}, "nothing is resized here; crop first")
    return tuple(look.sizes[0] for look in looks)


def _in_words(sizes: Sequence[Size]) -> str:
    """512 × 768 to 768 × 512 px: from the narrowest to the widest."""
    narrow, wide = (of(sizes, key=lambda size: size[::-1]) for of in (min, max))
    return f"{written(narrow)} px" if narrow == wide else f"{written(narrow)} to {written(wide)} px"


def _crop_in_words(sizes: Sequence[Size]) -> str:
    height, width = map(min, zip(*sizes, strict=True))
    sets = f", for metrics of sets their central {width} × {height} px" if len(set(sizes)) > 1 else ""
    return f"pictures of {_in_words(sizes)} as they are{sets}"


def _bits_per_pixel(files: PictureFiles, sizes: Sequence[Size]) -> float:
    """Of compressed files: of each its bits over its pixels, and of these the mean."""
    bits = [8 * (files.folder / name).stat().st_size for name in files.files]
    return sum(of / math.prod(size) for of, size in zip(bits, sizes, strict=True)) / len(bits)


def _refuse(mistakes: Mapping[str, Sequence[str]], remedy: str) -> None:
    """Raise DataError that counts the pictures of each kind of mistake, and names some; not where there are none."""
    found = []
    for what, names in mistakes.items():
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            found.append(f"{len(names)} {what}: {', '.join(names[:NAMED])}{more}")
    if found:
        raise DataError(f"{'; '.join(found)} ({remedy})")
