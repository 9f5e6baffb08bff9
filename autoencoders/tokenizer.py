"""What every tokenizer is: a signal to maps of codes and back, around any quantizer.

A signal has one to three axes beside batch and channels: sound, pictures, film.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import add
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.utils._pytree import _register_namedtuple
from torch.utils.checkpoint import checkpoint

from quantizers import Quantizer, QuantizerOutput


class TokenizerOutput(NamedTuple):
    """What a tokenizer returns in training.

    Attributes:
        reconstruction: (B, C, *extent), as the signal; not clamped.
        codes: int64, one map per quantizer, (B, codes_per_position, *grid).
        loss: The quantizers' losses, summed.
        stats: The quantizers' statistics; of several maps each under the map's name.
        log_scale: log b of the Laplace distribution around each sample, (B, C, *extent), from a decoder that gives one.
    """

    reconstruction: Float[Tensor, "b c *extent"]
    codes: list[Int64[Tensor, "b _n ..."]]
    loss: Float[Tensor, ""]
    stats: dict[str, Float[Tensor, ""]]
    log_scale: Float[Tensor, "b c *extent"] | None = None


_register_namedtuple(TokenizerOutput, serialized_type_name="autoencoders.TokenizerOutput")  # for `torch.export.save`


class Tokenizer(nn.Module, ABC):
    """A model that turns a signal into one or several maps of codes, and those into the signal.

    Signals are float, (B, C, *extent) in [-1, 1], pictures (B, C, H, W), films (B, C, T, H, W), with extents that are
    multiples of `strides`, beyond the `lead` where there is one. A tokenizer implements `quantizers`, `quantize` and
    `reconstruct`.

    Attributes:
        maps: Names of the code maps, in their order.
        strides: Of each axis, what the extent must be a multiple of; samples per position of the coarsest map.
    """

    maps: ClassVar[tuple[str, ...]] = ("codes",)
    strides: tuple[int, ...]

    @property
    def channels(self) -> int:
        """Of a signal: the three colours of a picture, where a tokenizer says no other number."""
        return 3

    @property
    def lead(self) -> tuple[int, ...]:
        """Of each axis, how many samples at its start are a position of their own, before the strides' grid begins: 1
        on the first axis of a causal film, whose first frame is coded as a picture; 0 unless a tokenizer says so.

        Where there is one, extents are lead + k · stride with any k, also 0, and a map has a position for the lead on
        top of those of k strides.
        """
        return (0,) * len(self.strides)

    @property
    def only_extent(self) -> tuple[int, ...] | None:
        """The one that a signal must have; None where it may be any on the strides' grid."""
        return None

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the networks around the quantizers, which signals must have outside of autocast; where
        there are none, the quantizers'."""
        of_quantizers = tuple(f"{name}." for name, child in self.named_children() if isinstance(child, Quantizer))
        for name, tensor in (*self.named_parameters(), *self.named_buffers()):
            if tensor.is_floating_point() and not name.startswith(of_quantizers):
                return tensor.dtype
        return self.quantizers[0].dtype

    @property
    @abstractmethod
    def quantizers(self) -> tuple[Quantizer, ...]:
        """From latents to codes, one for each map; all of one codebook size."""

    def requires_grad_(self, requires_grad: bool = True) -> Tokenizer:
        """Whether the tokenizer learns: its parameters, and all that its quantizers follow the data by."""
        for quantizer in self.quantizers:
            quantizer.requires_grad_(requires_grad)
        return super().requires_grad_(requires_grad)

    @abstractmethod
    def quantize(self, signal: Float[Tensor, "b c *extent"]) -> list[QuantizerOutput]:
        """The quantizers' outputs, one for each map; ValueError on a signal that does not fit."""

    @abstractmethod
    def reconstruct(self, quantized: Sequence[Float[Tensor, "b _d ..."]]) -> Float[Tensor, "b c *extent"]:
        """The signal from quantized latents, one for each map; not clamped."""

    def encode(self, signal: Float[Tensor, "b c *extent"], invariant: bool = False) -> list[Int64[Tensor, "b _n ..."]]:
        """The code maps of a signal, each (B, codes_per_position, *grid).

        Args:
            signal: As all signals of this tokenizer.
            invariant: Encode one item of the batch after the other, in eval mode, so that its codes are the same
                whatever batch it is in and wherever it stands there. Libraries choose how to sum by the shape of a
                batch: of the others a few codes may differ, those of latents that lie between two codes to the last
                digits. What is promised holds for one machine, number of threads, precision and version of PyTorch;
                the price is that of batches of one.
        """
        if invariant and signal.shape[0]:
            # copies, each at an address of its own: some products also sum by how their input lies in memory
            items = (item.clone(memory_format=torch.contiguous_format) for item in signal.split(1))
            return [torch.cat(of_map) for of_map in zip(*map(self.encode, items), strict=True)]
        return [output.codes for output in self.quantize(signal)]

    def decode(self, codes: Sequence[Int64[Tensor, "b _n ..."]]) -> Float[Tensor, "b c *extent"]:
        """The signal from code maps; not clamped. ValueError on another number of maps than the tokenizer has."""
        if len(codes) != len(self.quantizers):
            raise ValueError(f"codes must be {len(self.quantizers)} map(s) ({', '.join(self.maps)}), got {len(codes)}.")
        dtype = self.dtype
        pairs = zip(self.quantizers, codes, strict=True)
        return self.reconstruct([quantizer.decode(of).to(dtype) for quantizer, of in pairs])

    def forward(self, signal: Float[Tensor, "b c *extent"]) -> TokenizerOutput:
        """The reconstruction, its codes, and what the quantizers say of them."""
        return self.finish(self.quantize(signal))

    def finish(self, outputs: Sequence[QuantizerOutput]) -> TokenizerOutput:
        """What `forward` returns, from the quantizers' outputs."""
        return self._output(self.reconstruct([output.quantized for output in outputs]), outputs)

    def _output(
        self, reconstruction: Tensor, outputs: Sequence[QuantizerOutput], log_scale: Tensor | None = None
    ) -> TokenizerOutput:
        several = len(outputs) > 1
        stats = {
            f"{name}_{stat}" if several else stat: value
            for name, output in zip(self.maps, outputs, strict=True)
            for stat, value in output.stats.items()
        }
        loss = reduce(add, (output.loss for output in outputs))
        return TokenizerOutput(reconstruction, [output.codes for output in outputs], loss, stats, log_scale)

    def _require_signal(self, signal: Float[Tensor, "b c *extent"], lead: tuple[int, ...] | None = None) -> None:
        """ValueError on other than floating-point numbers, other channels, or an extent off the strides' grid.

        Args:
            lead: The tokenizer's, unless it is given: of what is no signal's beginning it is none.
        """
        if not signal.is_floating_point():
            raise ValueError(
                f"the signal must be floating-point numbers in [-1, 1], got {signal.dtype}; of 8-bit pictures x take "
                "x / 127.5 - 1."
            )
        channels = signal.shape[1] if signal.ndim > 1 else 0
        if channels != self.channels:
            raise ValueError(f"the signal must have {self.channels} channels, got {channels}.")
        extent, lead = signal.shape[2:], self.lead if lead is None else lead
        if len(extent) != len(self.strides) or any(
            not e or e < first or (e - first) % s for e, first, s in zip(extent, lead, self.strides, strict=True)
        ):
            strides, first, got = (" × ".join(map(str, sizes)) for sizes in (self.strides, lead, extent))
            grid = f"multiples of the strides {strides} beyond a lead of {first}"
            grid = grid if any(lead) else f"positive multiples of the strides {strides}"
            raise ValueError(f"extents must be {grid}, got {got}; crop or resize.")


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
    def latent(self, signal: Float[Tensor, "b c *extent"]) -> Float[Tensor, "b d *grid"]:
        """What the quantizer is given; ValueError on a signal that does not fit."""

    @abstractmethod
    def from_latent(self, quantized: Float[Tensor, "b d *grid"]) -> Float[Tensor, "b c *extent"]:
        """The signal from quantized latents; not clamped."""

    def quantize(self, signal: Float[Tensor, "b c *extent"]) -> list[QuantizerOutput]:
        """The quantizer's output on the latent of the signal."""
        return [self.quantizer(self.latent(signal))]

    def reconstruct(self, quantized: Sequence[Float[Tensor, "b _d ..."]]) -> Float[Tensor, "b c *extent"]:
        """The signal from the quantized latent; not clamped."""
        (only,) = quantized
        return self.from_latent(only)


class TrainableTokenizer(Tokenizer):
    """A tokenizer with weights to train, made by `(config, *quantizers)`, a quantizer for each of its `maps`.

    Attributes:
        config: The sizes that it is made of, with the `in_channels` of its signals.
    """

    config: Any

    @property
    def channels(self) -> int:
        """Of a signal."""
        channels: int = self.config.in_channels
        return channels

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

    @contextmanager
    def in_parts(self, parts: int) -> Iterator[None]:
        """For a while let the networks see a batch in so many equal parts, one after another.

        Of a part they keep what they were given, and run on it again in the backward pass, so that the memory is that
        of one part. The quantizers see the batch whole: their statistics, batch entropies and starts are the batch's.
        """
        networks = [child for child in self.children() if not isinstance(child, Quantizer)]
        for network in networks:
            network.forward = _in_parts(network.forward, parts)  # type: ignore[method-assign]
        try:
            yield
        finally:
            for network in networks:
                del network.forward  # the class has its own


def _in_parts(forward: Callable[[Tensor], Tensor], parts: int) -> Callable[[Tensor], Tensor]:
    def run(batch: Tensor) -> Tensor:
        return torch.cat([checkpoint(forward, part, use_reentrant=False) for part in batch.chunk(parts)])

    return run
