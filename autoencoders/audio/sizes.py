"""Sizes of the backbones for sound, apart from the networks: to read them needs no torch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from annotated_types import MinLen
from tyro.conf import Suppress as NoFlag

from autoencoders.ranges import Count, Parts, PartsOrNone, Size, check_ranges
from quantizers.options import MAX_CHANNELS

Padding = Literal["zeros", "reflect"]
"""What a convolution sees beyond the ends of a signal."""
Start = Literal["pytorch", "variance"]
Norm = Literal["weight", "time-group", "none"]
"""weight: each filter as its length times its direction (Salimans & Kingma 2016). time-group: what a convolution gives,
over all its channels and all of time. none: neither."""


@dataclass(frozen=True)
class CodecConfig(ABC):
    """What the backbones have in common."""

    sample_rate: NoFlag[Count] = 24_000
    """Samples a second, in Hz, of each channel. In a run the data say it."""
    in_channels: NoFlag[Size] = 1
    """Channels of a sound: 1 for mono, 2 for stereo. In a run the data say it."""

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    @abstractmethod
    def stride(self) -> int:
        """Samples per position of the codes."""

    @property
    def frame_rate(self) -> float:
        """Positions of the codes a second, in Hz."""
        return self.sample_rate / self.stride


@dataclass(frozen=True)
class LevelsConfig(CodecConfig):
    """Levels of convolutions, each of which makes time coarser."""

    width: Size = 32
    """Channels at the sample rate; each stride doubles them in the encoder."""
    strides: Annotated[tuple[Size, ...], MinLen(1)] = (2, 4, 5, 8)
    """How much coarser each level of the encoder makes time, finest first; the decoder undoes them in reverse."""
    start: Start = "pytorch"
    """Weights of the convolutions before the training: PyTorch's, as published; or of a size that keeps the variance of
    what they are given. PyTorch's let so little through so many layers that a short training is largely spent on it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if max(self.widths) > MAX_CHANNELS:
            raise ValueError(
                f"width doubled by each of the strides must be at most {MAX_CHANNELS}; got the widths {self.widths}."
            )

    @property
    def stride(self) -> int:
        """Samples per position of the codes."""
        return math.prod(self.strides)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the encoder's levels, finest first: before each stride, and after the last."""
        return tuple(self.width * 2**level for level in range(len(self.strides) + 1))


@dataclass(frozen=True)
class SEANetConfig(LevelsConfig):
    """Sizes and parts of the encoder and decoder. The defaults are EnCodec's causal model for 24 kHz."""

    stem: Size = 1
    """Consecutive samples that become channels before the first convolution, and samples again after the last; 1 as
    published. The sample rate is where a small network spends most of its time."""
    residual_units: Parts = 1
    """Of each level, of the encoder and of the decoder."""
    dilation_base: Size = 2
    """The first convolution of residual unit i, from 0, sees samples dilation_base^i apart."""
    residual_kernel: Size = 3
    """Samples that this convolution sees."""
    compress: Parts = 2
    """Channels of a level over those inside its residual units."""
    shortcut: Literal["convolution", "identity"] = "convolution"
    """What stands beside the residual branch."""
    first_kernel: Size = 7
    """Samples that the first convolution sees, of the encoder and of the decoder."""
    latent_kernel: Size = 7
    """Positions that the last convolution of the encoder sees."""
    last_kernel: Size = 7
    """Samples that the last convolution of the decoder sees."""
    lstm_layers: PartsOrNone = 2
    """At the coarsest level of the encoder, and of the decoder."""
    causal: bool = True
    """Whether nothing looks ahead: a model that is to stream. With padding by reflection the first few positions of a
    sound still do."""
    padding: Padding = "reflect"
    """What convolutions see beyond the ends; a model that is to stream needs zeros."""
    norm: Norm = "weight"
    """Of all convolutions; time-group looks at all of time, and no causal model can have it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % self.compress:
            raise ValueError(f"width must be a multiple of compress {self.compress}, got {self.width}.")
        if self.causal and self.norm == "time-group":
            raise ValueError("norm must be weight or none where causal is true, for time-group looks ahead.")

    @property
    def stride(self) -> int:
        """Samples per position of the codes."""
        return self.stem * super().stride

    @property
    def block_channels(self) -> int:
        """Channels of a sound once the stem's samples are channels."""
        return self.in_channels * self.stem


@dataclass(frozen=True)
class DACConfig(LevelsConfig):
    """Sizes of the encoder and decoder. The defaults are the published model for 44.1 kHz."""

    sample_rate: NoFlag[Count] = 44_100
    """Samples a second, in Hz, of each channel."""
    width: Size = 64
    """Channels at the sample rate; each stride doubles them in the encoder."""
    strides: Annotated[tuple[Size, ...], MinLen(1)] = (2, 4, 8, 8)
    """How much coarser each level of the encoder makes time, finest first; the decoder undoes them in reverse."""
    decoder_width: Size = 1536
    """Channels of the decoder's coarsest level; each stride halves them."""
    dilations: Annotated[tuple[Size, ...], MinLen(1)] = (1, 3, 9)
    """How far apart the samples are that the residual units of a level see, in their order."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decoder_width % 2 ** len(self.strides):
            raise ValueError(
                f"decoder_width must be a multiple of {2 ** len(self.strides)}, for each of the {len(self.strides)} "
                f"strides halves it, got {self.decoder_width}."
            )


@dataclass(frozen=True)
class MDCTConfig(CodecConfig):
    """Sizes of the encoder and decoder. The defaults are for a short training on speech at 16 kHz."""

    sample_rate: NoFlag[Count] = 16_000
    """Samples a second, in Hz, of each channel."""
    block: Size = 320
    """Samples of a block of the transform, and coefficients of each channel; even. Each is a position of the codes."""
    width: Size = 256
    """Channels between the transform and the latents."""
    blocks: PartsOrNone = 2
    """ConvNeXt blocks of the encoder, and of the decoder; without any the network is linear."""
    kernel: Size = 7
    """Positions that each of them sees."""
    expansion: Parts = 2
    """Channels inside the ConvNeXt blocks over their width."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.block % 2:
            raise ValueError(f"block must be even, got {self.block}.")

    @property
    def stride(self) -> int:
        """Samples per position of the codes."""
        return self.block


AudioBackboneName = Literal["seanet", "dac", "mdct"]
AudioBackboneConfig = SEANetConfig | DACConfig | MDCTConfig

SPEECH_16KHZ = SEANetConfig(
    16_000,
    width=96,
    strides=(2, 5),
    start="variance",
    stem=32,
    lstm_layers=1,
    padding="zeros",
    latent_kernel=3,
    last_kernel=3,
    shortcut="identity",
)
"""Small enough to train on two CPU cores in minutes, and able to stream; 50 positions a second."""
SOUNDSTREAM_24KHZ = SEANetConfig(
    residual_units=3,
    dilation_base=3,
    residual_kernel=7,
    compress=1,
    shortcut="identity",
    latent_kernel=3,
    lstm_layers=0,
    padding="zeros",
    norm="none",
)
"""SoundStream, figure 3 of its paper, with C = 32 in encoder and decoder; 75 positions a second. What the paper leaves
open is as in EnCodec: the ELU before each convolution."""
SOUNDSTREAM_16KHZ = replace(SOUNDSTREAM_24KHZ, sample_rate=16_000)
"""The same for speech at 16 kHz: 50 positions a second."""
ENCODEC_24KHZ = SEANetConfig()
"""75 positions a second; published with up to 32 codes of 10 bits each and 128 channels between the networks."""
ENCODEC_48KHZ = SEANetConfig(48_000, in_channels=2, causal=False, norm="time-group")
"""Stereo, in segments of a second; 150 positions a second, up to 16 codes of 10 bits."""
DAC_44KHZ = DACConfig()
"""86 positions a second; published with 9 codes of 10 bits and 1024 channels between the networks."""
DAC_24KHZ = DACConfig(24_000, strides=(2, 4, 5, 8))
"""75 positions a second; published with 32 codes of 10 bits."""
DAC_16KHZ = DACConfig(16_000, strides=(2, 4, 5, 8))
"""50 positions a second; published with 12 codes of 10 bits."""
