"""The discriminators that audio codecs train against: several, each of which sees the sound in a way of its own.

EnCodec's look at complex spectrograms of several windows (Défossez et al. 2022, arXiv:2210.13438, section 3.4). The
Descript Audio Codec's look at the waveform folded at several periods (Kong et al. 2020, "HiFi-GAN", arXiv:2010.05646),
and at complex spectrograms band by band (Kumar et al. 2023, arXiv:2306.06546, section 3.3). What the papers leave open
is as in the authors' code.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from autoencoders.audio.spectrogram import complex_spectrogram


class Opinion(NamedTuple):
    """What one discriminator says of a batch of sounds.

    Attributes:
        logits: One for each place that it looks at, positive for real.
        features: What its layers gave on the way, for the loss that compares them.
    """

    logits: Float[Tensor, "b 1 *places"]
    features: list[Float[Tensor, "b c *places"]]


class Discriminators(nn.Module):
    """Several discriminators of one sound.

    Args:
        parts: Each gives an `Opinion` of sounds (B, C, T).
        normalised: Whether each channel is freed of its mean and brought to a peak of 0.8 first, and the channels
            become a batch of mono sounds, as in the Descript Audio Codec.
    """

    def __init__(self, parts: Sequence[nn.Module], *, normalised: bool) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.normalised = normalised

    def forward(self, sounds: Float[Tensor, "b c T"]) -> list[Opinion]:
        if self.normalised:
            sounds = rearrange(sounds, "b c t -> (b c) 1 t")
            sounds = sounds - sounds.mean(-1, keepdim=True)
            sounds = 0.8 * sounds / (sounds.abs().amax(-1, keepdim=True) + 1e-9)
        return [part(sounds) for part in self.parts]


def stft_discriminators(
    in_channels: int = 1, windows: Sequence[int] = (2048, 1024, 512, 256, 128), width: int = 32
) -> Discriminators:
    """EnCodec's: a `STFTDiscriminator` for each window. The defaults are the paper's for 24 kHz; it doubles the windows
    for 48 kHz."""
    return Discriminators([STFTDiscriminator(window, in_channels, width) for window in windows], normalised=False)


def period_and_band_discriminators(
    periods: Sequence[int] = (2, 3, 5, 7, 11), windows: Sequence[int] = (2048, 1024, 512), width: int = 32
) -> Discriminators:
    """The Descript Audio Codec's: a `PeriodDiscriminator` for each period, a `BandDiscriminator` for each window. The
    defaults are the paper's for 44.1 kHz. Channels are judged one by one."""
    of_periods = [PeriodDiscriminator(period, width) for period in periods]
    return Discriminators([*of_periods, *(BandDiscriminator(window, width) for window in windows)], normalised=True)


class STFTDiscriminator(nn.Module):
    """Convolutions over time and frequency of a complex spectrogram, a quarter of the window between frames.

    The spectrogram is divided by the root of the window's energy, and has only the frames that the sound fills.
    """

    def __init__(self, window: int, in_channels: int = 1, width: int = 32) -> None:
        super().__init__()
        self.window = window
        self.layers = nn.ModuleList([nn.Conv2d(2 * in_channels, width, (3, 9), padding=(1, 4))])  # not normed
        for dilation in (1, 2, 4):
            self.layers.append(_convolution(width, width, (3, 9), stride=(1, 2), dilation=(dilation, 1)))
        self.layers.append(_convolution(width, width, (3, 3)))
        self.head = _convolution(width, 1, (3, 3))

    def forward(self, sounds: Float[Tensor, "b c T"]) -> Opinion:
        spectra = complex_spectrogram(sounds, self.window, self.window // 4, centred=False)
        spectra = spectra / (3 / 8 * self.window) ** 0.5  # the energy of a periodic Hann window
        x = rearrange(torch.cat([spectra.real, spectra.imag], 1), "b c f t -> b c t f")
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        return Opinion(self.head(x), features)


class PeriodDiscriminator(nn.Module):
    """Convolutions over each period-th sample of a mono sound, the same ones for each of the period's phases."""

    def __init__(self, period: int, width: int = 32) -> None:
        super().__init__()
        self.period = period
        widths = (1, width, 4 * width, 16 * width, 32 * width)
        self.layers = nn.ModuleList(
            _convolution(channels, wider, (5, 1), stride=(3, 1)) for channels, wider in pairwise(widths)
        )
        self.layers.append(_convolution(widths[-1], widths[-1], (5, 1)))
        self.head = _convolution(widths[-1], 1, (3, 1))

    def forward(self, sounds: Float[Tensor, "b 1 T"]) -> Opinion:
        # A whole period more where none is missing, as the published ones are trained.
        padded = F.pad(sounds, (0, self.period - sounds.shape[-1] % self.period), "reflect")
        x = rearrange(padded, "b c (l p) -> b c l p", p=self.period)
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return Opinion(self.head(x), features)


BANDS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
"""Edges of the bands, as shares of the frequencies."""


class BandDiscriminator(nn.Module):
    """Convolutions over time and frequency of a mono sound's complex spectrogram, other ones for each band.

    Frames are a quarter of the window apart, one for each quarter window that the sound begins.
    """

    def __init__(self, window: int, width: int = 32) -> None:
        super().__init__()
        self.window = window
        self.edges = [int(edge * (window // 2 + 1)) for edge in BANDS]
        self.bands = nn.ModuleList(
            nn.ModuleList(
                [
                    _convolution(2, width, (3, 9)),
                    *(_convolution(width, width, (3, 9), stride=(1, 2)) for _ in range(3)),
                    _convolution(width, width, (3, 3)),
                ]
            )
            for _ in pairwise(BANDS)
        )
        self.head = _convolution(width, 1, (3, 3))

    def forward(self, sounds: Float[Tensor, "b 1 T"]) -> Opinion:
        hop = self.window // 4
        around = (self.window - hop) // 2
        padded = F.pad(sounds, (around, around - sounds.shape[-1] % -hop), "reflect")
        # Of a centred transform the first and last two frames are of what was padded.
        spectra = complex_spectrogram(padded, self.window, hop)[..., 2:-2]
        planes = rearrange(torch.view_as_real(spectra), "b 1 f t c -> b c t f")
        ends, features = [], []
        for (low, high), layers in zip(pairwise(self.edges), self.bands, strict=True):
            x = planes[..., low:high]
            for layer in layers:  # type: ignore[attr-defined]
                x = F.leaky_relu(layer(x), 0.1)
                features.append(x)
            ends.append(x)
        return Opinion(self.head(torch.cat(ends, -1)), features)


def _convolution(
    in_channels: int,
    out_channels: int,
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
) -> nn.Module:
    padding = tuple((size - 1) * apart // 2 for size, apart in zip(kernel, dilation, strict=True))
    return weight_norm(nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation))  # type: ignore[arg-type]
