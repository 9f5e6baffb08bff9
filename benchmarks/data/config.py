"""What pictures to train and test on, as the command line and the record know it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro
from annotated_types import Interval

from autoencoders.ranges import Count, Size, check_ranges
from quantizers.options import MAX_PARTS


class DataError(ValueError):
    """The data asked for cannot be used; the message is one sentence for the person who asked."""


SOURCES = (
    '"photographs" (the ones that scikit-image and scikit-learn ship), a folder of pictures or of tar files, a tar '
    'file or several ("shards-{000..009}.tar", quoted), a folder of datasets.save_to_disk, "torchvision:NAME" (e.g. '
    'torchvision:CIFAR10), "huggingface:NAME[:column]", or "texture:FILE", squares of one picture; behind it '
    "#TRAIN,TEST chooses its splits"
)
"""What `source` may be, for people."""


@dataclass(frozen=True)
class DataConfig:
    """Which pictures, at which size, and how they are cropped for training."""

    source: Annotated[str, tyro.conf.arg(aliases=["--data"], help=SOURCES)] = "photographs"
    """One of `SOURCES`."""

    image_size: Size = 32
    """Side of the square pictures, in pixels."""

    min_crop: Annotated[float, Interval(gt=0, le=1)] = 0.8
    """Training crops are squares at random places with sides uniform in [min_crop, 1] of the picture's short
    side; 1 = always the largest square. The bundled photographs have crops of 96 to 256 px instead."""

    flip: bool = True
    """Mirror half of the training crops left to right."""

    workers: Annotated[int, Interval(ge=0, le=MAX_PARTS)] | None = None
    """Loading processes per training process. None: as many as the device and the data call for."""

    root: Path | None = None
    """Where torchvision and Hugging Face keep their files. None: their usual cache."""

    limit_train: Count | None = None
    """Train on at most this many pictures, taken evenly from all."""

    limit_test: Count | None = None
    """Test on at most this many pictures, taken evenly from all."""

    def __post_init__(self) -> None:
        """Take paths as text or not, as they come; refuse values that cannot work."""
        object.__setattr__(self, "source", os.fspath(self.source))
        object.__setattr__(self, "root", None if self.root is None else Path(self.root))
        check_ranges(self)

    @property
    def of_backbone(self) -> dict[str, int]:
        """What a backbone must be told of the pictures, by the names that it has for that."""
        return {"image_size": self.image_size}

    @property
    def extent(self) -> tuple[int, ...]:
        """Of a training crop along each axis."""
        return (self.image_size, self.image_size)

    @property
    def size(self) -> str:
        """Of a training crop, in words."""
        return f"{self.image_size} px"

    def elsewhere(self, source: str) -> DataConfig:
        """The same pictures in another place."""
        return replace(self, source=source, root=None)
