"""The sources: random vectors of a block length, with the least distortion that any code of theirs can have."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from benchmarks.data.photographs import PHOTOGRAPHS, Box, load
from benchmarks.protocols.source_coding.lloyd_max import GAUSSIAN, LAPLACIAN, Density
from benchmarks.protocols.source_coding.rate_distortion import gaussian_distortion, laplacian_distortion
from benchmarks.records.source_coding import SourceName

Split = Literal["train", "test"]

CORRELATION = 0.9
"""Of neighbouring samples of the Gauss–Markov source."""


class Source(ABC):
    """Vectors of `block_length` samples.

    Attributes:
        variance: of a test sample, the mean over the block.
        bound_name: what `bound` is.
        density: of a single sample, where it is known.
        fingerprint: digest of the data, where they are no random numbers.
    """

    variance: float = 1.0
    bound_name: str = "Shannon's D(R)"
    density: Density | None = None
    fingerprint: str | None = None

    def __init__(self, block_length: int) -> None:
        self.block_length = block_length

    @abstractmethod
    def draw(self, count: int, split: Split, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Independent vectors, float32."""

    @abstractmethod
    def bound(self, bits: float) -> float:
        """Mean squared error per sample at `bits` per vector."""


class Gaussian(Source):
    """Independent Gaussian samples of unit variance."""

    density = GAUSSIAN

    def draw(self, count: int, split: Split, generator: torch.Generator) -> Float[Tensor, "n d"]:
        return torch.randn(count, self.block_length, generator=generator)

    def bound(self, bits: float) -> float:
        return gaussian_distortion(np.ones(self.block_length), bits)


class Laplacian(Source):
    """Independent Laplacian samples of unit variance."""

    density = LAPLACIAN

    def draw(self, count: int, split: Split, generator: torch.Generator) -> Float[Tensor, "n d"]:
        size = torch.empty(count, self.block_length).exponential_(generator=generator)
        sign = torch.randint(0, 2, size.shape, generator=generator) * 2 - 1
        return sign * size / math.sqrt(2)

    def bound(self, bits: float) -> float:
        return laplacian_distortion(bits / self.block_length)


class GaussMarkov(Source):
    """Consecutive samples of a first-order autoregressive Gaussian process of unit variance; blocks are independent."""

    density = GAUSSIAN

    def __init__(self, block_length: int) -> None:
        super().__init__(block_length)
        place = np.arange(block_length)
        self.covariance = CORRELATION ** np.abs(place[:, None] - place)

    def draw(self, count: int, split: Split, generator: torch.Generator) -> Float[Tensor, "n d"]:
        root = torch.from_numpy(np.linalg.cholesky(self.covariance)).float()
        return torch.randn(count, self.block_length, generator=generator) @ root.T

    def bound(self, bits: float) -> float:
        """Exact for independent blocks of this length; a code of longer ones could do better."""
        return gaussian_distortion(np.linalg.eigvalsh(self.covariance), bits)


class Photographs(Source):
    """Patches of the luminance of the bundled photographs at their own scale, from the parts to train and to test on.

    A patch is as square as its number of samples allows. Samples are brought to mean 0 and variance 1 by the training
    parts' mean and variance. No bound is known for photographs: `bound` is that of the Gaussian vector with the test
    patches' covariance. With that covariance no source needs more bits than the Gaussian, so a code may go below.
    """

    bound_name = "D(R) of the Gaussian of equal covariance"

    def __init__(self, block_length: int) -> None:
        super().__init__(block_length)
        shape = patch_shape(block_length)
        self.patches: dict[Split, UInt8[Tensor, "n d"]] = {
            "train": torch.cat([cut(luminance(each.path, each.train), shape) for each in PHOTOGRAPHS]),
            "test": torch.cat([cut(luminance(each.path, each.test), shape) for each in PHOTOGRAPHS]),
        }
        whole = self.patches["train"].double()
        self.mean, self.deviation = float(whole.mean()), float(whole.std())
        tested = (self.patches["test"].double().numpy() - self.mean) / self.deviation
        covariance = np.atleast_2d(np.cov(tested, rowvar=False))
        self.variances = np.linalg.eigvalsh(covariance)
        self.variance = float(self.variances.mean())
        contents = (patches.numpy().tobytes() for patches in self.patches.values())
        self.fingerprint = hashlib.sha256(b"".join(contents)).hexdigest()

    def draw(self, count: int, split: Split, generator: torch.Generator) -> Float[Tensor, "n d"]:
        patches = self.patches[split]
        chosen = patches[torch.randint(len(patches), (count,), generator=generator)]
        return (chosen.float() - self.mean) / self.deviation

    def bound(self, bits: float) -> float:
        return gaussian_distortion(self.variances, bits)


def patch_shape(samples: int) -> tuple[int, int]:
    """(height, width) of the most nearly square patch of that many samples."""
    height = max(side for side in range(1, math.isqrt(samples) + 1) if samples % side == 0)
    return height, samples // height


def luminance(path: str, box: Box) -> UInt8[Tensor, "h w"]:
    """Part of a bundled photograph in grey (ITU-R 601, as Pillow weighs the colours)."""
    (photograph,) = (each for each in PHOTOGRAPHS if each.path == path)
    return torch.from_numpy(np.array(load(photograph).crop(box).convert("L")))


def cut(picture: UInt8[Tensor, "h w"], shape: tuple[int, int]) -> UInt8[Tensor, "n d"]:
    """The patches at all places of a picture."""
    height, width = shape
    return picture.unfold(0, height, 1).unfold(1, width, 1).reshape(-1, height * width)


SOURCES: dict[SourceName, type[Source]] = {
    "gaussian": Gaussian,
    "laplacian": Laplacian,
    "gauss-markov": GaussMarkov,
    "photographs": Photographs,
}


@lru_cache(maxsize=8)
def open_source(name: SourceName, block_length: int) -> Source:
    """The source of that name; a fresh one would read the photographs again."""
    return SOURCES[name](block_length)
