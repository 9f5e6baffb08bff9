"""What the causal tokenizers of films have in common."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.streaming import StreamingTokenizer
from autoencoders.tokenizer import TrainableTokenizer
from autoencoders.video.sizes import FilmBackboneConfig
from quantizers import Quantizer


class FilmTokenizer(StreamingTokenizer, TrainableTokenizer):
    """A tokenizer of films: (B, in_channels, 1 + k · time_stride, H, W) in [-1, 1] to 1 + k grids of codes, and back.

    Where it streams, the first chunk has 1 + k · time_stride frames, each later one a multiple of time_stride; memory
    is that of a chunk.
    """

    def __init__(
        self, config: FilmBackboneConfig, quantizer: Quantizer, encoder: nn.Sequential, decoder: nn.Sequential
    ) -> None:
        super().__init__()
        self.config = config
        self.strides = config.stride
        self.encoder = encoder
        self.quantizer = quantizer
        self.decoder = decoder

    @property
    def lead(self) -> tuple[int, ...]:
        """The first frame is a position of its own."""
        return 1, 0, 0

    def latent(self, films: Float[Tensor, "b c T H W"]) -> Float[Tensor, "b d t h w"]:
        """What the quantizer is given; ValueError on other channels or an extent off the grid."""
        self._require_signal(films)
        return self.encoder(films)

    def from_latent(self, quantized: Float[Tensor, "b d t h w"]) -> Float[Tensor, "b c T H W"]:
        """Films from quantized latents; not clamped."""
        return self.decoder(quantized)
