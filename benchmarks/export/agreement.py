"""Exported programs beside the tokenizer that they were made from, on the same signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from autoencoders import Tokenizer
from autoencoders.formats import Part
from autoencoders.programs import Program
from benchmarks.records.export import Agreement


@torch.no_grad()
def compare(tokenizer: Tokenizer, programs: Mapping[Part, Program], batches: Iterable[Tensor]) -> Agreement:
    """How far the programs give what the tokenizer, in eval mode on the CPU, gives.

    Decoders are given the tokenizer's codes. A reconstruction is compared only where the program's encoder chose the
    same codes, as far as it was exported: of others the signals differ by what the codes mean, which is no fault of it.

    Args:
        batches: Signals, each (B, C, *extent).
    """
    signals, equal_signals, codes, equal_codes = 0, 0, 0, 0
    decoder, both = 0.0, 0.0
    for batch in batches:
        expected = tokenizer.encode(batch)
        decoded = tokenizer.decode(expected)
        same = torch.ones(batch.shape[0], dtype=torch.bool)
        if "encoder" in programs:
            equal = _equal(programs["encoder"](batch), expected)
            same = equal.all(1)
            codes, equal_codes = codes + equal.numel(), equal_codes + int(equal.sum())
        if "decoder" in programs:
            decoder = max(decoder, _difference(programs["decoder"](*expected)[0], decoded))
        if "both" in programs:
            both = max(both, _difference(programs["both"](batch)[0][same], decoded[same]))
        signals, equal_signals = signals + batch.shape[0], equal_signals + int(same.sum())
    has_encoder = "encoder" in programs
    return Agreement(
        signals=signals,
        signals_of_equal_codes=equal_signals if has_encoder else None,
        codes=codes if has_encoder else None,
        equal_codes=equal_codes if has_encoder else None,
        decoder_difference=decoder if "decoder" in programs else None,
        both_difference=both if "both" in programs else None,
    )


def _equal(found: Sequence[Tensor], expected: Sequence[Tensor]) -> Tensor:
    """Of each signal, which of its codes are equal, (B, codes of all maps)."""
    return torch.cat([(one == other).flatten(1) for one, other in zip(found, expected, strict=True)], 1)


def _difference(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max()) if found.numel() else 0.0
