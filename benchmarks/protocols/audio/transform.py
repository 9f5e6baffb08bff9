"""The transform baseline: MDCT coefficients under residual k-means, without a network.

What classical coding does with the codes of a row: a transform that was there before any network, and codebooks by
k-means of the training sounds. A trained tokenizer that is not above it at equal bits has hardly begun to learn.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from autoencoders.audio.mdct import MDCT
from autoencoders.tokenizer import OneMapTokenizer
from quantizers import create_quantizer
from quantizers.distributed import sum_over_ranks


class MdctKMeans(OneMapTokenizer):
    """Each MDCT block as the sum of one vector from each of several codebooks, found by k-means of what the ones before
    left over. Of several channels the coefficients of one block stand side by side.

    Sounds are float, (B, channels, n) in [-1, 1], with n a multiple of `stride`. Nothing in it is trained by gradient.

    Args:
        channels: of a sound.
        stride: samples of a block, even; 20 ms of them are usual.
        codebook_size: vectors of each codebook.
        codes_per_position: codebooks.
    """

    def __init__(self, channels: int, stride: int, codebook_size: int, codes_per_position: int) -> None:
        super().__init__()
        if stride < 2 or stride % 2:
            raise ValueError(f"stride must be even and at least 2, got {stride}.")
        self.strides = (stride,)
        self._channels = channels
        self.mdct = MDCT(stride)
        self.quantizer = create_quantizer(
            "rq",
            base="vq-ema",
            shared=False,
            dim=channels * stride,
            codebook_size=codebook_size,
            codes_per_position=codes_per_position,
        )

    @property
    def channels(self) -> int:
        """Of a sound."""
        return self._channels

    @torch.no_grad()
    def fit(self, batches: Iterable[Float[Tensor, "b c n"]]) -> int:
        """Set the codebooks from training crops, of all ranks this rank's part; returns how many all ranks have seen.

        All blocks are held in memory.

        Raises:
            ValueError: there are none.
        """
        rows, crops = [torch.empty(0, self.quantizer.dim)], 0  # a rank may have none
        for batch in batches:
            rows.append(rearrange(self.latent(batch), "b c k -> (b k) c"))
            crops += len(batch)
        (seen,) = sum_over_ranks([torch.tensor([crops])])
        if not int(seen):
            raise ValueError("a baseline cannot be fitted on no sound.")
        self.quantizer.start(torch.cat(rows))
        return int(seen)

    def latent(self, signal: Float[Tensor, "b c n"]) -> Float[Tensor, "b d k"]:
        """The coefficients of each block; ValueError when the length is no multiple of the stride."""
        self._require_signal(signal)
        return rearrange(self.mdct(signal), "b c k n -> b (c n) k")

    def from_latent(self, quantized: Float[Tensor, "b d k"]) -> Float[Tensor, "b c n"]:
        """The sound with these coefficients."""
        return self.mdct.inverse(rearrange(quantized, "b (c n) k -> b c k n", c=self._channels))
