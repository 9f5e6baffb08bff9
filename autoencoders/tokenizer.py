"""What every visual tokenizer is: pictures to a grid of codes and back, around any quantizer."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxtyping import Float, Int
from torch import Tensor, nn

from quantizers import Quantizer, QuantizerOutput


class Tokenizer(nn.Module, ABC):
    """A model that turns pictures into codes and codes into pictures.

    Pictures are float, (B, C, H, W) in [-1, 1], with sides that are multiples of `stride`. A tokenizer implements
    `latent` and `decode`.

    Attributes:
        quantizer: From latents to codes.
        stride: Pixels per position of the code grid, along each side.
    """

    quantizer: Quantizer
    stride: int

    @abstractmethod
    def latent(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b d h w"]:
        """What the quantizer is given; ValueError on pictures that do not fit."""

    @abstractmethod
    def decode(self, quantized: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c H W"]:
        """Pictures from quantized latents; not clamped."""

    def encode(self, images: Float[Tensor, "b c H W"]) -> QuantizerOutput:
        """The quantizer's output on the latent of the pictures."""
        return self.quantizer(self.latent(images))

    def decode_codes(self, codes: Int[Tensor, "b n h w"]) -> Float[Tensor, "b c H W"]:
        """Pictures from codes, (B, codes_per_position, h, w); not clamped."""
        return self.decode(self.quantizer.decode(codes))

    def forward(self, images: Float[Tensor, "b c H W"]) -> tuple[Float[Tensor, "b c H W"], QuantizerOutput]:
        """The reconstruction and the quantizer's output."""
        output = self.encode(images)
        return self.decode(output.quantized), output

    def _require_grid(self, images: Float[Tensor, "b c H W"]) -> None:
        """ValueError when a side is off the stride's grid."""
        height, width = images.shape[-2:]
        if height % self.stride or width % self.stride or not height * width:
            raise ValueError(
                f"the sides of images must be positive multiples of the stride {self.stride}, got {height} × {width}; "
                "crop or resize them."
            )


class TrainableTokenizer(Tokenizer):
    """A tokenizer with weights to train."""

    @property
    @abstractmethod
    def last_layer(self) -> nn.Parameter:
        """Weight of the decoder's last layer, where the adaptive GAN weight is measured."""

    @abstractmethod
    def compile_blocks(self) -> None:
        """Compile the parts that are worth it, where they stand, so that the state dict keeps its names."""
