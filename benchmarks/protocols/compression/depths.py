"""Many rates from one tokenizer: without the last codes of each position."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from autoencoders import Tokenizer
from priors.code_models import CodeModel, Histogram
from quantizers import Quantizer
from quantizers.modes import with_modes_of_its_own

AnyTokenizer = TypeVar("AnyTokenizer", bound=Tokenizer)


def depths(tokenizer: Tokenizer) -> range:
    """How many codes of a position can be kept; only all of them where a quantizer has no `truncated(n)`."""
    most = min(quantizer.codes_per_position for quantizer in tokenizer.quantizers)
    return range(1 if all(map(_truncates, tokenizer.quantizers)) else most, most + 1)


def truncated(tokenizer: AnyTokenizer, codes_per_position: int) -> AnyTokenizer:
    """The tokenizer of the first codes of each position, its weights shared with the one given.

    Raises:
        ValueError: a quantizer that cannot leave codes out, or has not so many.
    """
    twin = with_modes_of_its_own(tokenizer)
    for name, child in twin.named_children():
        if isinstance(child, Quantizer) and child.codes_per_position != codes_per_position:
            if not _truncates(child):
                raise ValueError(f"{type(child).__name__} cannot leave out codes of a position: it has no truncated.")
            cut: Callable[[int], Quantizer] = child.truncated  # type: ignore[assignment]
            setattr(twin, name, cut(codes_per_position))
    return twin


def truncated_model(model: CodeModel, tokenizer: Tokenizer, codes_per_position: int) -> CodeModel:
    """What the first codes of each position of a tokenizer are coded under: of a histogram the rows of these.

    Args:
        model: of all codes of the tokenizer; of a prior there is no part.
    """
    if not isinstance(model, Histogram):
        return model
    rows: list[int] = []
    first = 0
    for quantizer in tokenizer.quantizers:
        rows += range(first, first + codes_per_position)
        first += quantizer.codes_per_position
    return Histogram(model.counts[rows])


def _truncates(quantizer: Quantizer) -> bool:
    return callable(getattr(quantizer, "truncated", None))
