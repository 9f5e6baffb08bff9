"""Spectrograms of sounds: magnitudes of a short-time Fourier transform, and their sums in bands of equal mels.

The mel scale and the bands are those of Slaney's Auditory Toolbox (1998), which librosa has as its default and the
Descript Audio Codec takes from there: linear up to 1 kHz and logarithmic above, triangles of equal area.
"""

import math
from functools import cache

import torch
from jaxtyping import Complex, Float
from torch import Tensor

_LINEAR_HZ = 200 / 3
"""Hz per mel below `_BREAK_HZ`."""
_BREAK_HZ = 1000.0
_LOG_STEP = math.log(6.4) / 27
"""Natural logarithm of the frequencies' ratio per mel above."""


def complex_spectrogram(
    signal: Float[Tensor, "b c T"], window: int, hop: int, *, centred: bool = True
) -> Complex[Tensor, "b c f t"]:
    """The short-time Fourier transform through a periodic Hann window, in float32 at least.

    Args:
        window: Samples of the window and of the transform; window // 2 + 1 frequencies.
        hop: Samples from one frame to the next.
        centred: A frame around every hop-th sample, the ends reflected: T // hop + 1 frames; else only the frames that
            the signal fills.

    Raises:
        ValueError: the signal is too short for one window or for its reflection.
    """
    samples = signal.shape[-1]
    if samples < (shortest := window // 2 + 1 if centred else window):
        raise ValueError(f"a window of {window} samples needs sounds of at least {shortest}, got {samples}.")
    with torch.autocast(signal.device.type, enabled=False):
        rows = signal.flatten(0, 1).to(torch.promote_types(signal.dtype, torch.float32))
        shape = torch.hann_window(window, dtype=rows.dtype, device=rows.device)
        spectra = torch.stft(rows, window, hop, window=shape, center=centred, pad_mode="reflect", return_complex=True)
    return spectra.unflatten(0, signal.shape[:2])


def spectrogram(signal: Float[Tensor, "b c T"], window: int, hop: int) -> Float[Tensor, "b c f t"]:
    """Magnitudes of the centred `complex_spectrogram`."""
    return complex_spectrogram(signal, window, hop).abs()


def mel_spectrogram(
    signal: Float[Tensor, "b c T"], sample_rate: int, window: int, hop: int, bands: int
) -> Float[Tensor, "b c m t"]:
    """Magnitudes (not their squares) in that many bands of equal width in mels, from 0 Hz to half the sample rate."""
    magnitudes = spectrogram(signal, window, hop)
    bank = mel_bank(sample_rate, window, bands, magnitudes.dtype, magnitudes.device)
    with torch.autocast(signal.device.type, enabled=False):
        return bank @ magnitudes


@cache
@torch.inference_mode(False)  # it is kept for calls that have a backward pass
def mel_bank(
    sample_rate: int,
    window: int,
    bands: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device = torch.device("cpu"),  # noqa: B008
) -> Float[Tensor, "m f"]:
    """The weight of each of window // 2 + 1 frequencies in each band: triangles from the centre of the band below to
    that of the one above, of area 2 over Hz.

    Narrow bands of short windows may hold no frequency: then they are zero, as in librosa.
    """
    frequencies = torch.linspace(0, sample_rate / 2, window // 2 + 1, dtype=torch.float64)
    highest = _mels(torch.tensor(sample_rate / 2, dtype=torch.float64)).item()
    corners = _hertz(torch.linspace(0, highest, bands + 2, dtype=torch.float64))
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (frequencies - low) / (centre - low), (high - frequencies) / (high - centre)
    triangles = torch.minimum(rising, falling).clamp_min(0)
    return (triangles * 2 / (high - low)).to(device, dtype)


def _mels(hertz: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    above = _BREAK_HZ / _LINEAR_HZ + (hertz / _BREAK_HZ).clamp_min(1).log() / _LOG_STEP
    return torch.where(hertz < _BREAK_HZ, hertz / _LINEAR_HZ, above)


def _hertz(mels: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    turn = _BREAK_HZ / _LINEAR_HZ
    above = _BREAK_HZ * (_LOG_STEP * (mels - turn).clamp_min(0)).exp()
    return torch.where(mels < turn, mels * _LINEAR_HZ, above)
