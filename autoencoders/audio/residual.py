"""The quantizer that codecs for sound are published with."""

from __future__ import annotations

from quantizers import Quantizer, create_quantizer


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
