"""Two folders of pictures, originals and reconstructions, matched by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import UInt8
from rich.console import Console
from torch import Tensor
from torch.utils.data import Dataset

from benchmarks.data.checking import content_digest, reason
from benchmarks.data.folder import FolderFiles
from benchmarks.data.machine import in_threads
from benchmarks.data.matching import count_suffixes, match_files, refuse
from benchmarks.data.naming import short_name
from benchmarks.data.picture_files import is_picture, open_picture
from benchmarks.data.sizes import written
from benchmarks.data.transforms import to_rgb, to_tensor
from storage.paths import StrPath, printable

Size = tuple[int, int]
"""Height and width in pixels."""

LOSSY = frozenset({".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".avif"})


@dataclass(frozen=True)
class PicturePairs(Dataset[UInt8[Tensor, "2 3 h w"]]):
    """Pictures with their reconstructions, as they are, also of several sizes: nothing is resized or cropped.

    Attributes:
        originals: in order of their paths.
        reconstructions: the one of each.
        sizes: (height, width) of each.
        record: what they are; JSON-able.
    """

    originals: FolderFiles
    reconstructions: FolderFiles
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
    reference, reconstruction = Path(reference), Path(reconstruction)
    names, *files = match_files(reference, reconstruction, is_picture, "picture")
    originals, reconstructions = (
        FolderFiles(folder.expanduser(), found)
        for folder, found in zip((reference, reconstruction), files, strict=True)
    )
    looks = list(in_threads(partial(_look, originals, reconstructions), len(names), "reading pairs", console))
    sizes = _sizes(names, looks)
    fingerprints = [content_digest(*(look.digests[i] for look in looks)) for i in (0, 1)]
    lossy = count_suffixes(reconstructions.files, LOSSY)
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


def _pixels(files: FolderFiles, index: int) -> UInt8[Tensor, "3 h w"]:
    with open_picture(files.file(index)) as picture:
        return to_tensor(to_rgb(picture))


def _look(originals: FolderFiles, reconstructions: FolderFiles, index: int) -> _Look:
    sizes, digests = [], []
    for files in (originals, reconstructions):
        try:
            pixels = _pixels(files, index)
        except Exception as error:  # PIL's decoders raise whatever they meet
            return _Look([], [], f"{files.file(index)}: {reason(error)}")
        sizes.append((pixels.shape[1], pixels.shape[2]))
        digests.append(content_digest(files.name(index), pixels.numpy().tobytes()))
    return _Look(sizes, digests)


def _sizes(names: Sequence[str], looks: Sequence[_Look]) -> tuple[Size, ...]:
    """Of each pair; DataError where one is unreadable, or two are not of one size."""
    refuse({"unreadable": [look.problem for look in looks if look.problem]}, "mend these pictures, or make them again")
    unequal = [
        f"{name} ({written(look.sizes[0])} and {written(look.sizes[1])})"
        for name, look in zip(names, looks, strict=True)
        if look.sizes[0] != look.sizes[1]
    ]
    refuse({"reconstructions of another size than their originals": unequal}, "nothing is resized here; crop first")
    return tuple(look.sizes[0] for look in looks)


def _in_words(sizes: Sequence[Size]) -> str:
    """512 × 768 to 768 × 512 px: from the narrowest to the widest."""
    narrow, wide = (of(sizes, key=lambda size: size[::-1]) for of in (min, max))
    return f"{written(narrow)} px" if narrow == wide else f"{written(narrow)} to {written(wide)} px"


def _crop_in_words(sizes: Sequence[Size]) -> str:
    height, width = map(min, zip(*sizes, strict=True))
    sets = f", for metrics of sets their central {width} × {height} px" if len(set(sizes)) > 1 else ""
    return f"pictures of {_in_words(sizes)} as they are{sets}"


def _bits_per_pixel(files: FolderFiles, sizes: Sequence[Size]) -> float:
    """Of compressed files: of each its bits over its pixels, and of these the mean."""
    bits = [8 * (files.folder / name).stat().st_size for name in files.files]
    return sum(of / math.prod(size) for of, size in zip(bits, sizes, strict=True)) / len(bits)
