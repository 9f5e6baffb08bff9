"""What a way of turning signals into files is worth: bytes, fidelity and time of each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.metrics.speed import peak_memory_growth
from benchmarks.protocols.compression.fidelity import Coder, Fidelity, Item, Numbers
from benchmarks.protocols.compression.tokenizer_codec import TokenizerCodec
from priors import GPT, Prior
from priors.information import information, information_in_float


def coded(coder: Coder[Item], item: Item, fidelity: Fidelity[Item]) -> Numbers:
    """One item as a file and back: its size in bytes, what that costs in the signal's units, and fidelity."""
    through = fidelity.through(coder, item)
    return {
        "bytes": float(through.size),
        **fidelity.cost(item, through.size, through.encode_seconds, through.decode_seconds),
        **through.numbers,
    }


def model_bits(codec: TokenizerCodec[Item], prior: Prior | None, item: Item) -> Numbers:
    """What an item's codes cost under the model of them without a coder; of a GPT also in its own float numbers.

    Args:
        codec: tokenizer and model.
        prior: what the model computes in fixed point, where it is one.
    """
    numbers: Numbers = {}
    for codes in codec.codes(item):
        of_part = {"model_bits": information(codec.model, codes, codec.tokenizer.quantizers)}
        if isinstance(prior, GPT):
            of_part["float_bits"] = information_in_float(prior, codes)
        numbers = {name: numbers.get(name, 0.0) + bits for name, bits in of_part.items()}
    return numbers


def peak_memory(coder: Coder[Item], item: Item, fidelity: Fidelity[Item]) -> float | None:
    """Megabytes (10^6 bytes) that coding an item and back takes at most above what was taken before, as
    `peak_memory_growth` measures them; None where that cannot be."""
    peak = peak_memory_growth(lambda: fidelity.there_and_back(coder, item), fidelity.device)
    return None if peak is None else peak / 1e6


MeanOf = Callable[[str, np.ndarray], tuple[float | None, str | None]]
"""As `Fidelity.mean`."""


def means(numbers: Mapping[str, np.ndarray], mean_of: MeanOf) -> tuple[dict[str, float | None], dict[str, str]]:
    """Over the items, each counting the same, and what is to be said of metrics that some have no number of.

    Two more are of all items together: `overhead`, how many per cent of bits the files have more than the codes cost
    under their model, and `fixed_point`, how many those cost more in fixed point than in the prior's own numbers.

    Args:
        numbers: by metric, one for each item.
        mean_of: the signal's rule.
    """
    found: dict[str, float | None] = {}
    missing = {}
    for name, values in numbers.items():
        found[name], said = mean_of(name, values)
        if said is not None:
            missing[name] = said
    if "model_bits" in numbers:
        found["overhead"] = _per_cent_more(8 * numbers["bytes"], numbers["model_bits"])
    if "float_bits" in numbers:
        found["fixed_point"] = _per_cent_more(numbers["model_bits"], numbers["float_bits"])
    return found, missing


def _per_cent_more(these: np.ndarray, those: np.ndarray) -> float:
    return 100 * (float(these.sum()) / float(those.sum()) - 1)
