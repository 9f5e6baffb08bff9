"""Sizes of the backbones for films, apart from the networks: to read them needs no torch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval, MinLen
from tyro.conf import Suppress as NoFlag

from autoencoders.ranges import Parts, Place, Size, check_ranges
from quantizers.options import MAX_CHANNELS

Factor = Annotated[int, Interval(ge=1, le=2)]
"""How much coarser a level makes an axis: not at all, or by half."""


class FilmSizes(ABC):
    """What follows from the sizes of a network for films."""

    width: int
    multipliers: tuple[int, ...]

    @property
    @abstractmethod
    def time_stride(self) -> int:
        """Frames per position of the codes, after the first frame, which has its own."""

    @property
    @abstractmethod
    def side_stride(self) -> int:
        """Pixels per position of the codes, along each side."""

    @property
    def stride(self) -> tuple[int, int, int]:
        """Frames and pixels per position of the codes, along each axis."""
        return self.time_stride, self.side_stride, self.side_stride

    def misfit(self, extent: Sequence[int]) -> str | None:
        """What films of that extent, (frames, height, width), are not, in words; None where they fit the grid."""
        frames, *sides = extent
        if frames % self.time_stride == 1 % self.time_stride and not any(side % self.side_stride for side in sides):
            return None
        return f"not of 1 + k · {self.time_stride} frames with sides that are multiples of {self.side_stride} px"

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(self.width * multiplier for multiplier in self.multipliers)

    def _check_widths(self) -> None:
        if max(self.widths) > MAX_CHANNELS:
            raise ValueError(f"width times each of the multipliers must be at most {MAX_CHANNELS}, got {self.widths}.")


@dataclass(frozen=True)
class MAGVIT2Config(FilmSizes):
    """Sizes and parts of the encoder and decoder. The defaults are our reading of the paper, whose code is not public,
    for films of 128 pixels: 17 frames become 5 × 16 × 16 positions."""

    in_channels: NoFlag[Size] = 3
    """Channels of a frame; commands read, measure and show RGB alone."""
    stem: Size = 1
    """Side of the blocks of pixels that become channels before the first convolution, and pixels again after the last;
    1 as in the paper. Full resolution is where a small network spends most of its time."""
    width: Size = 128
    """Channels at the resolution of the stem."""
    multipliers: Annotated[tuple[Size, ...], MinLen(1)] = (1, 2, 2, 4)
    """Width of each level over `width`, finest first."""
    strides: tuple[tuple[Factor, Factor], ...] = ((1, 2), (2, 2), (2, 2))
    """From each level to the next: how much coarser it makes time, and the sides."""
    blocks: Parts = 4
    """Residual blocks of each level, of the encoder and of the decoder."""
    norm: Literal["group", "rms"] = "group"
    """Before each activation, of each frame by itself, so that nothing looks ahead. group: GroupNorm. rms: each
    position by its own root mean square, and in residual branches alone, so that how bright a frame is goes past."""

    convolutions: Literal["3d", "2d+1d", "2d"] = "3d"
    """3d: each sees space and time. 2d+1d: of a residual block the first sees space and the second time, the first and
    the last of all see space alone, and so cost a quarter (Tran et al. 2018, arXiv:1711.11248, and VidTok). 2d: all see
    space alone; with strides of 1 in time it is a tokenizer of pictures, frame by frame."""
    resampling: Literal["convolution", "shuffle"] = "convolution"
    """Between two levels: convolutions, to the coarser one with a stride; or blocks to channels and back, which mixes
    each block by itself, so that the network starts as a linear transform of blocks."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.convolutions == "2d" and self.resampling == "convolution" and self.time_stride > 1:
            raise ValueError(
                "convolutions that see space alone skip frames at strides in time: take resampling shuffle."
            )
        if len(self.strides) != len(self.multipliers) - 1:
            raise ValueError(
                f"strides lead from each of the levels to the next: {len(self.multipliers)} multipliers need "
                f"{len(self.multipliers) - 1} of them, got {len(self.strides)}."
            )
        self._check_widths()

    @property
    def time_stride(self) -> int:
        """Frames per position of the codes, after the first frame, which has its own."""
        return math.prod(time for time, _ in self.strides)

    @property
    def side_stride(self) -> int:
        """Pixels per position of the codes, along each side."""
        return self.stem * math.prod(side for _, side in self.strides)

    @property
    def block_channels(self) -> int:
        """Channels of a frame once the stem's blocks are channels."""
        return self.in_channels * self.stem**2


VidTokVersion = Literal["1.0", "1.1"]
"""What the layers of time do. 1.0: zeros stand before the first frame, and frames are doubled as they are. 1.1: the
first frame stands before itself, and between frames is interpolated."""


@dataclass(frozen=True)
class VidTokConfig(FilmSizes):
    """Sizes of VidTok. The defaults are those that most of the published models have: 4 frames × 8 × 8 pixels a
    position."""

    in_channels: NoFlag[Size] = 3
    """Channels of a frame; commands read, measure and show RGB alone."""
    version: VidTokVersion = "1.0"
    """The first streams."""
    width: Size = 128
    """Channels at full resolution."""
    multipliers: Annotated[tuple[Size, ...], MinLen(1)] = (1, 2, 4, 4)
    """Width of each level over `width`, finest first; each but the last halves the sides."""
    halving: tuple[Place, ...] = (1, 2)
    """Levels, the finest being 0, from which the encoder halves the frames, too."""
    doubling: tuple[Place, ...] = (1, 2)
    """Levels from which the decoder doubles them again; as many, but not always to the same places."""
    blocks: Parts = 2
    """Residual blocks of each level, of space and of time in turn; the decoder has one more."""

    def __post_init__(self) -> None:
        check_ranges(self)
        for name, chosen in (("halving", self.halving), ("doubling", self.doubling)):
            if len(set(chosen)) < len(chosen) or any(level >= len(self.multipliers) for level in chosen):
                raise ValueError(
                    f"{name} names each level at most once, of the {len(self.multipliers)} that the multipliers make, "
                    f"the finest being 0, got {chosen}."
                )
        if len(self.halving) != len(self.doubling):
            raise ValueError(
                f"frames must be doubled as often as they are halved: halving names {len(self.halving)} levels and "
                f"doubling {len(self.doubling)}."
            )
        self._check_widths()

    @property
    def time_stride(self) -> int:
        """Frames per position of the codes, after the first frame, which has its own."""
        return 2 ** len(self.halving)

    @property
    def side_stride(self) -> int:
        """Pixels per position of the codes, along each side."""
        return 2 ** (len(self.multipliers) - 1)


FilmBackboneName = Literal["magvit2", "vidtok"]
FilmBackboneConfig = MAGVIT2Config | VidTokConfig

MAGVIT2_128 = MAGVIT2Config()
"""4 frames × 8 × 8 pixels a position; published with lookup-free quantization to 2^18 codes."""
SMALL_64 = MAGVIT2Config(
    stem=4,
    width=32,
    multipliers=(1, 2, 2),
    strides=((2, 2), (2, 1)),
    blocks=1,
    norm="rms",
    convolutions="2d+1d",
    resampling="shuffle",
)
"""Small enough to train on two CPU cores in minutes, at the same strides: films of 64 pixels."""
VIDTOK_488 = VidTokConfig()
"""4 frames × 8 × 8 pixels a position; published with finite scalar quantization to 2^12, 2^15 and 2^18 codes."""
SMALL_VIDTOK = VidTokConfig(width=8, multipliers=(1, 2, 4, 8), blocks=1)
"""Small enough to train on two CPU cores, at the same strides. It has no stem: at full resolution a step takes eight
times as long as one of `SMALL_64`."""
