"""A tokenizer as a codec: signals of any extent as files of codes, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from jaxtyping import Float, Int64
from torch import Tensor

from autoencoders import Tokenizer
from autoencoders.extents import decode_any, encode_any
from benchmarks.metrics.device import full_float32
from priors.code_file import CodeFiles, Signal, require_extent
from priors.code_models import CodeModel

SUFFIX = ".qz"
"""Of a signal's codes in a file."""

Item = TypeVar("Item")
Codes = Sequence[Int64[Tensor, "_b _n ..."]]
"""Maps of codes, as `encode_any` gives them."""


class TokenizerCodec(ABC, Generic[Item]):
    """Signals of one kind as bytes: their codes under a tokenizer, entropy-coded under a model of them.

    Args:
        tokenizer: of such signals, in eval mode.
        model: of its codes.
    """

    def __init__(self, tokenizer: Tokenizer, model: CodeModel) -> None:
        self.tokenizer, self.model = tokenizer, model
        self.device = next((tensor.device for tensor in tokenizer.state_dict().values()), None)

    @abstractmethod
    def encode(self, item: Item) -> bytes:
        """Its file. ValueError on what cannot be coded."""

    @abstractmethod
    def codes(self, item: Item) -> Iterable[Codes]:
        """What its file holds, part after part where it comes in parts. ValueError as `encode`."""

    @abstractmethod
    def decode(self, data: bytes) -> Item:
        """What a file is of. CodeFileError on one that is not of this codec, or not whole."""


class WholeCodec(TokenizerCodec[Item]):
    """Signals that are coded at once.

    A signal is padded up to the tokenizer's strides, and cut again; above 2^20 samples it is coded in tiles.

    Args:
        tokenizer: of such signals, in eval mode.
        model: of its codes.
        rate: of the signals in samples a second, where they have one.
    """

    def __init__(self, tokenizer: Tokenizer, model: CodeModel, rate: int | None = None) -> None:
        super().__init__(tokenizer, model)
        self.files = CodeFiles(tokenizer, model, rate)

    def encode(self, item: Item) -> bytes:
        """Its file. ValueError on what cannot be coded."""
        return self.files.write(self._signal(item))

    def codes(self, item: Item) -> tuple[Codes]:
        """What its file holds, at once."""
        return (self._signal(item).codes,)

    def decode(self, data: bytes) -> Item:
        """What a file is of. CodeFileError on one that is not of this codec, or not whole."""
        codes, extent, mark = self.files.read(data)
        with full_float32():
            signal = decode_any(self.tokenizer, [found.to(self.device) for found in codes], extent)
        return self.shown(signal, mark)

    def _signal(self, item: Item) -> Signal:
        signal, extent, mark = self.given(item)
        require_extent(extent)
        with full_float32():
            codes = encode_any(self.tokenizer, signal.to(device=self.device, dtype=self.tokenizer.dtype))
        return Signal(codes, extent, mark)

    @abstractmethod
    def given(self, item: Item) -> tuple[Float[Tensor, "1 c *padded"], tuple[int, ...], int]:
        """What the tokenizer is given, in [-1, 1], with the extent of that which comes back, and the file's mark."""

    @abstractmethod
    def shown(self, signal: Float[Tensor, "1 c *extent"], mark: int) -> Item:
        """What the tokenizer gives, not clamped, as an item again."""
