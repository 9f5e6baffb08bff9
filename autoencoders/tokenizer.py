"""What every visual tokenizer is: pictures to maps of codes and back, around any quantizer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, ClassVar, NamedTuple

from jaxtyping import Float, Int64
from torch import Tensor, nn

from quantizers import Quantizer, QuantizerOutput


class TokenizerOutput(NamedTuple):
    """What a tokenizer returns in training.

    Attributes:
        images: The reconstruction, (B, C, H, W); not clamped.
        codes: int64, one map per quantizer, (B, codes_per_position, *grid).
        loss: The quantizers' losses, summed.
        stats: The quantizers' statistics; of several maps each under the map's name.
        log_scale: log b of the Laplace distribution around each pixel, (B, C, H, W), from a decoder that gives one.
    """

    images: Float[Tensor, "b c H W"]
    codes: list[Int64[Tensor, "b n ..."]]
    loss: Float[Tensor, ""]
    stats: dict[str, Float[Tensor, ""]]
    log_scale: Float[Tensor, "b c H W"] | None = None


class Tokenizer(nn.Module, ABC):
    """A model that turns pictures into one or several maps of codes, and those into pictures.

    Pictures are float, (B, C, H, W) in [-1, 1], with sides that are multiples of `stride`. A tokenizer implements
    `quantizers`, `quantize` and `reconstruct`.

    Attributes:
        maps: Names of the code maps, in their order.
        stride: What the sides of pictures must be multiples of; pixels per position of the finest map.
    """

    maps: ClassVar[tuple[str, ...]] = ("codes",)
    stride: int

    @property
    @abstractmethod
    def quantizers(self) -> tuple[Quantizer, ...]:
        """From latents to codes, one for each map; all of one codebook size."""

    @abstractmethod
    def quantize(self, images: Float[Tensor, "b c H W"]) -> list[QuantizerOutput]:
        """The quantizers' outputs, one for each map; ValueError on pictures that do not fit."""

    @abstractmethod
    def reconstruct(self, quantized: Sequence[Float[Tensor, "b d ..."]]) -> Float[Tensor, "b c H W"]:
        """Pictures from quantized latents, one for each map; not clamped."""

    def encode(self, images: Float[Tensor, "b c H W"]) -> list[Int64[Tensor, "b n ..."]]:
        """The code maps of pictures, each (B, codes_per_position, *grid)."""
        return [output.codes for output in self.quantize(images)]

    def decode(self, codes: Sequence[Int64[Tensor, "b n ..."]]) -> Float[Tensor, "b c H W"]:
        """Pictures from code maps; not clamped. ValueError on another number of maps than the tokenizer has."""
        if len(codes) != len(self.quantizers):
            raise ValueError(f"codes must be {len(self.quantizers)} map(s) ({', '.join(self.maps)}), got {len(codes)}.")
        return self.reconstruct([quantizer.decode(of) for quantizer, of in zip(self.quantizers, codes, strict=True)])

    def forward(self, images: Float[Tensor, "b c H W"]) -> TokenizerOutput:
        """The reconstruction, its codes, and what the quantizers say of them."""
        outputs = self.quantize(images)
        return self._output(self.reconstruct([output.quantized for output in outputs]), outputs)

    def _output(
        self, images: Tensor, outputs: Sequence[QuantizerOutput], log_scale: Tensor | None = None
    ) -> TokenizerOutput:
        several = len(outputs) > 1
        stats = {
            f"{name}_{stat}" if several else stat: value
            for name, output in zip(self.maps, outputs, strict=True)
            for stat, value in output.stats.items()
        }
        loss = reduce(add, (output.loss for output in outputs))
        return TokenizerOutput(images, [output.codes for output in outputs], loss, stats, log_scale)

    def _require_pictures(self, images: Float[Tensor, "b c H W"], channels: int) -> None:
        """ValueError on another number of channels, or a side off the stride's grid."""
        if images.shape[1] != channels:
            raise ValueError(f"images must have {channels} channels, got {images.shape[1]}.")
        self._require_grid(images)

    def _require_grid(self, images: Float[Tensor, "b c H W"]) -> None:
        """ValueError when a side is off the stride's grid."""
        height, width = images.shape[-2:]
        if height % self.stride or width % self.stride or not height * width:
            raise ValueError(
                f"the sides of images must be positive multiples of the stride {self.stride}, got {height} × {width}; "
                "crop or resize them."
            )


class OneMapTokenizer(Tokenizer):
    """A tokenizer with one map of codes. It implements `latent` and `from_latent`.

    Attributes:
        quantizer: From latents to codes.
    """

    quantizer: Quantizer

    @property
    def quantizers(self) -> tuple[Quantizer, ...]:
        """The one quantizer."""
        return (self.quantizer,)

    @abstractmethod
    def latent(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b d *grid"]:
        """What the quantizer is given; ValueError on pictures that do not fit."""

    @abstractmethod
    def from_latent(self, quantized: Float[Tensor, "b d *grid"]) -> Float[Tensor, "b c H W"]:
        """Pictures from quantized latents; not clamped."""

    def quantize(self, images: Float[Tensor, "b c H W"]) -> list[QuantizerOutput]:
        """The quantizer's output on the latent of the pictures."""
        return [self.quantizer(self.latent(images))]

    def reconstruct(self, quantized: Sequence[Float[Tensor, "b d ..."]]) -> Float[Tensor, "b c H W"]:
        """Pictures from the quantized latent; not clamped."""
        (only,) = quantized
        return self.from_latent(only)


class TrainableTokenizer(Tokenizer):
    """A tokenizer with weights to train, made by `(config, *quantizers)`, a quantizer for each of its `maps`."""

    @property
    @abstractmethod
    def last_layer(self) -> nn.Parameter:
        """Weight of the decoder's last layer, where the adaptive GAN weight is measured."""

    @abstractmethod
    def blocks(self) -> list[nn.Module]:
        """The parts that repeat: what `torch.compile` is worth for, and what gradient checkpointing recomputes."""

    def compile_blocks(self, **options: Any) -> None:
        """Compile each of the `blocks` where it stands, with the options of `torch.compile`.

        Regional compilation: equal blocks are compiled once and the state dict keeps its names. The last layer is no
        block on purpose: the adaptive GAN weight differentiates with respect to it alone, and inside one compiled
        graph that would cost the whole backward pass.
        """
        for block in self.blocks():
            block.compile(**options)
