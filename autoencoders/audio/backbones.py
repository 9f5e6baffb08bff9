"""The backbones for sound by name, and the quantizer that sound is coded by unless another is chosen."""

from __future__ import annotations

from collections.abc import Mapping

from autoencoders.audio.dac import DAC
from autoencoders.audio.seanet import SEANetCodec
from autoencoders.audio.sizes import AudioBackboneConfig, AudioBackboneName, audio_backbone_of
from autoencoders.tokenizer import TrainableTokenizer
from quantizers import Quantizer, create_quantizer

AUDIO_NETWORKS: Mapping[AudioBackboneName, type[TrainableTokenizer]] = {"seanet": SEANetCodec, "dac": DAC}
"""What is made of each backbone's sizes."""


def create_audio_tokenizer(config: AudioBackboneConfig, quantizer: Quantizer) -> TrainableTokenizer:
    """A tokenizer for sound to train, of these sizes, around a quantizer."""
    return AUDIO_NETWORKS[audio_backbone_of(config)](config, quantizer)


def residual_quantizer(codes_per_position: int, dim: int = 128, codebook_size: int = 1024) -> Quantizer:
    """The quantizer of SoundStream and EnCodec: residual, with a codebook for each depth and quantizer dropout.

    Every example is coded while training by its first n codes only, with n uniform, so that one model serves every
    rate: `truncated(n)` of it. Codebooks learn by moving averages.

    Args:
        codes_per_position: Codebooks; each adds log2(codebook_size) bits at every position.
        dim: Channels between encoder and decoder.
    """
    options = {"dim": dim, "codebook_size": codebook_size, "codes_per_position": codes_per_position}
    return create_quantizer("rq", base="vq-ema", shared=False, dropout=1.0, **options)
