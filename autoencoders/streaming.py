"""Signals that come bit by bit: causal tokenizers encode and decode chunk by chunk, with a state from one to the next.

A state goes in and a state comes out; nothing is kept in the modules, so that one model serves many streams. Chunks may
be of any length from one position of the codes on, and give what the whole signal gives, but for rounding. Where a
tokenizer has a `lead`, as one for films has its first frame, the first chunk begins with that.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from autoencoders.tokenizer import OneMapTokenizer
from quantizers.modes import evaluating

State = tuple[Any, ...]
"""What a stream remembers: tensors, the batch on their first axis, and tuples of such. At the start all are zeros."""


@runtime_checkable
class StreamingLayer(Protocol):
    """A layer that remembers what came before; what it gives of chunks is what `forward` gives of the whole."""

    def first_state(self, batch: int) -> State:
        """Where a stream starts: zeros."""

    def stream(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The outputs of the next chunk, and the state after it."""


def first_state(layers: Iterable[nn.Module], batch: int) -> State:
    """Where a stream through layers in a row starts. Those that remember nothing have empty states; rows may stand in
    rows."""
    return tuple(
        layer.first_state(batch)
        if isinstance(layer, StreamingLayer)
        else first_state(layer, batch)
        if isinstance(layer, nn.Sequential)
        else ()
        for layer in layers
    )


def stream(layers: Iterable[nn.Module], x: Tensor, state: State) -> tuple[Tensor, State]:
    """The next chunk through layers in a row, and their states after it."""
    after = []
    for layer, before in zip(layers, state, strict=True):
        if isinstance(layer, StreamingLayer):
            x, remembered = layer.stream(x, before)
            after.append(remembered)
        elif isinstance(layer, nn.Sequential):
            x, remembered = stream(layer, x, before)
            after.append(remembered)
        else:
            x = layer(x)
            after.append(())
    return x, tuple(after)


def reset(state: State, items: Bool[Tensor, " b"]) -> State:
    """The state in which the marked items of the batch are at the start of a stream, and the others where they were.

    Of tokenizers without a lead: films of a batch begin together, for their first chunks are longer than the others.
    """
    return tuple(
        reset(part, items)
        if isinstance(part, tuple)
        else torch.where(items.view(-1, *[1] * (part.ndim - 1)), torch.zeros_like(part), part)
        for part in state
    )


class StreamingTokenizer(OneMapTokenizer):
    """A tokenizer that also encodes and decodes chunk by chunk, where its sizes allow it.

    It is in eval mode for each chunk and records no gradients. Weight norms are worked out again for each chunk: around
    many small ones stands `with torch.nn.utils.parametrize.cached():`.
    """

    encoder: nn.Sequential
    decoder: nn.Sequential

    @property
    @abstractmethod
    def not_streaming(self) -> str | None:
        """Why this one cannot stream; None where it can."""

    def encoder_state(self, batch: int = 1) -> State:
        """Where the encoding of so many signals at once starts. ValueError for a tokenizer that cannot stream."""
        self._require_streaming()
        due = next(self.encoder.parameters()).new_zeros(batch, sum(self.lead))  # of the lead, not yet seen
        return due, first_state(self.encoder, batch)

    def decoder_state(self, batch: int = 1) -> State:
        """Where the decoding of so many signals at once starts. ValueError for a tokenizer that cannot stream."""
        self._require_streaming()
        return first_state(self.decoder, batch)

    @torch.no_grad()
    def encode_chunk(
        self, chunk: Float[Tensor, "b c *extent"], state: State
    ) -> tuple[list[Int64[Tensor, "b n ..."]], State]:
        """The code maps of the next chunk, whose extent is a multiple of the strides, and the state after it. The first
        chunk has the lead on top.

        Raises:
            ValueError: a chunk that does not fit, or is of another batch than the state.
        """
        due, of_layers = state
        self._require_signal(chunk, None if due.shape[1] else (0,) * len(self.strides))
        _require_batch(state, len(chunk))
        with evaluating(self):
            latent, of_layers = stream(self.encoder, chunk, of_layers)
            return [self.quantizer(latent).codes], (due[:, :0], of_layers)

    @torch.no_grad()
    def decode_chunk(
        self, codes: list[Int64[Tensor, "b n ..."]], state: State
    ) -> tuple[Float[Tensor, "b c *extent"], State]:
        """The signal of the next codes, not clamped, and the state after it.

        Raises:
            ValueError: codes that do not fit, or are of another batch than the state.
        """
        (only,) = codes
        _require_batch(state, len(only))
        with evaluating(self):
            return stream(self.decoder, self.quantizer.decode(only).to(self.dtype), state)

    def _require_streaming(self) -> None:
        if (reason := self.not_streaming) is not None:
            raise ValueError(f"this tokenizer cannot stream: {reason}.")
        if not self.quantizer.is_positionwise:
            raise ValueError("this tokenizer cannot stream: a code of its quantizer depends on other positions.")


def _require_batch(state: State, batch: int) -> None:
    if any(len(part) != batch for part in _tensors(state)):
        raise ValueError(f"the state must be of a batch of {batch}, got {len(next(_tensors(state)))}.")


def _tensors(state: State) -> Iterator[Tensor]:
    for part in state:
        if isinstance(part, tuple):
            yield from _tensors(part)
        else:
            yield part
