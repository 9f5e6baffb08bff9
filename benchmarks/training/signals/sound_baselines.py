"""The baselines of tables of sounds: the codecs in daily use, and a transform without a network, accepted wherever a
quantizer is named."""

from __future__ import annotations

from autoencoders.audio.sizes import CodecConfig
from benchmarks.data.sounds import SoundConfig
from benchmarks.protocols.audio.codecs import AUDIO_CODECS, MP3_BITRATES, OPUS_BITRATES, AudioCodec
from benchmarks.protocols.audio.transform import MdctKMeans
from benchmarks.records.baselines import MDCT_KMEANS, MP3, OPUS
from benchmarks.training.settings import RunConfig, Settings
from benchmarks.training.signals.signal import whole_batches

BITRATES = {OPUS: OPUS_BITRATES, MP3: MP3_BITRATES}

BLOCKS = 2**13
"""That the transform's codebooks are fitted on, at least: 8 for each code of 10 bits."""

CODE_BITS = 10
"""Of each of the transform's codebooks, as codecs have them; up to `MAX_KMEANS_BITS` one codebook has them all."""

MAX_KMEANS_BITS = 12


def has_kmeans(settings: Settings, bits: int) -> bool:
    """Whether there is k-means of the transform at this rate."""
    return _stride(settings) % 2 == 0 and bits > 0 and (bits % CODE_BITS == 0 or bits <= MAX_KMEANS_BITS)


def make_baseline(run: RunConfig) -> AudioCodec | MdctKMeans:
    """The codec at the bitrate of its options, or the transform, not yet fitted.

    Raises:
        ValueError: the transform without a rate, or at one that it cannot have.
    """
    if run.quantizer in AUDIO_CODECS:
        return AUDIO_CODECS[run.quantizer](1000 * run.options["kbps"])
    if run.bits is None or not has_kmeans(run.settings, run.bits):
        raise ValueError(
            f"{MDCT_KMEANS} needs --bits, a multiple of {CODE_BITS} or at most {MAX_KMEANS_BITS}, and a backbone of "
            f"even stride, got {run.bits} bits and a stride of {_stride(run.settings)}"
        )
    codes, rest = divmod(run.bits, CODE_BITS)
    if rest:
        codes = 1
    data = run.settings.data
    assert isinstance(data, SoundConfig)
    return MdctKMeans(data.channels, _stride(run.settings), 2 ** (run.bits // codes), codes)


def fitting_items(settings: Settings) -> int:
    """Training crops that the transform is fitted on: whole batches, no more than the others are trained on."""
    assert isinstance(settings.data, SoundConfig)
    blocks = max(1, settings.data.crop_samples // _stride(settings))
    return whole_batches(settings.train, -(-BLOCKS // blocks))


def _stride(settings: Settings) -> int:
    assert isinstance(settings.model, CodecConfig)
    return settings.model.stride
