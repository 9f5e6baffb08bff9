"""A sound as a file of codes, and back."""

from __future__ import annotations

from jaxtyping import Float, Float32
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.protocols.audio.coded import with_whole_strides
from benchmarks.protocols.compression.tokenizer_codec import WholeCodec
from priors.code_models import CodeModel


class SoundCodec(WholeCodec[Float32[Tensor, "c n"]]):
    """Sounds of any length as bytes: float32 (channels, samples) in [-1, 1], as the tokenizer has them.

    As in the audio protocol, silence follows a sound up to the next multiple of the tokenizer's stride, and what comes
    back is clamped, not rounded; NaN or infinity in it are a ValueError.

    Args:
        tokenizer: of sounds, in eval mode.
        model: of its codes.
        sample_rate: of its sounds, in Hz.
    """

    def __init__(self, tokenizer: Tokenizer, model: CodeModel, sample_rate: int) -> None:
        super().__init__(tokenizer, model, sample_rate)
        self.sample_rate = sample_rate

    def given(self, item: Float32[Tensor, "c n"]) -> tuple[Float[Tensor, "1 c m"], tuple[int, ...], int]:
        return with_whole_strides(self.tokenizer, item), (item.shape[1],), 0

    def shown(self, signal: Float[Tensor, "1 c n"], mark: int) -> Float32[Tensor, "c n"]:
        sound = signal[0].cpu().float()
        if not sound.isfinite().all():
            raise ValueError("the tokenizer gives NaN or infinity for these codes")
        return sound.clamp(-1, 1)
