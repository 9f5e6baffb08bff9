"""Signals measured one after the other, sounds and clips: how far each is from what it was, and what it costs.

Each goes through alone, so that no number depends on a batch or on the number of processes. `signal_sets` has what a
whole set comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch.distributed as dist
from jaxtyping import Int
from torch import Tensor

from benchmarks.metrics.codes import has_codebook
from benchmarks.protocols.rates import SignalCodes
from quantizers import Quantizer

if TYPE_CHECKING:
    from priors.code_models import CodeModel


class Coded(NamedTuple):
    """A signal and its reconstruction.

    Attributes:
        place: In the test set.
        original: (C, *extent), as it was.
        reconstruction: As large, and of the same kind of numbers.
        codes: int64, one map per quantizer, each (1, codes_per_position, *grid); none of a codec.
        stream_bytes: Of a codec, of the coded signal alone; None where that is not known, and of a tokenizer.
        file_bytes: Of a codec, of the whole file; None of a tokenizer, and of a reconstruction alone.
    """

    place: int
    original: Tensor
    reconstruction: Tensor
    codes: list[Int[Tensor, "1 k ..."]]
    stream_bytes: int | None = None
    file_bytes: int | None = None


class CodedFile(NamedTuple):
    """A coded signal.

    Attributes:
        data: The whole file.
        stream_bytes: Of its packets, without what the container adds.
    """

    data: bytes
    stream_bytes: int


class Fidelity(NamedTuple):
    """How far a signal is from what it was.

    Attributes:
        numbers: By metric; not a number where it has none.
        unmeasured: Metric -> why it has none.
        kept: What else is kept of it, for what is measured of the whole set.
    """

    numbers: dict[str, float]
    unmeasured: dict[str, str]
    kept: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Measured:
    """What is kept of a signal: its place and length, numbers, why it lacks some, codes, and what else is kept."""

    place: int
    seconds: float
    numbers: dict[str, float]
    unmeasured: dict[str, str]
    codes: SignalCodes | None
    kept: Mapping[str, Any]


def measure(
    coded: Iterable[Coded],
    fidelity: Callable[[Coded], Fidelity],
    seconds: Callable[[Tensor], float],
    quantizers: tuple[Quantizer, ...],
    model: CodeModel | None,
    progress: Callable[[int], None] | None,
) -> list[Measured]:
    """Each signal's numbers, those of its rate among them.

    Args:
        coded: The signals.
        fidelity: Of a signal.
        seconds: How long a signal is.
        quantizers: Of the tokenizer; none of a codec, and of reconstructions alone.
        model: Of the codes, for the modelled rate.
        progress: Called with 1 after each signal.
    """
    found = []
    for signal in coded:
        numbers, unmeasured, kept = fidelity(signal)
        length = seconds(signal.original)
        kilobits = 1 / length / 1000  # a second, of a bit
        codes = SignalCodes.of(signal.codes, quantizers) if quantizers else None
        if codes is not None:
            numbers["kbps"] = codes.nominal_bits * kilobits
            numbers["codes_per_second"] = codes.count * kilobits * 1000
        if model is not None:
            from priors.information import information  # brings the coder of the extra `compression`

            numbers["kbps_modelled"] = information(model, signal.codes, quantizers) * kilobits
        for name, count in (("kbps", signal.stream_bytes), ("kbps_file", signal.file_bytes)):
            if count is not None:
                numbers[name] = 8 * count * kilobits
        counted = codes if all(map(has_codebook, quantizers)) else None
        found.append(Measured(signal.place, length, numbers, unmeasured, counted, kept))
        if progress is not None:
            progress(1)
    return found


def of_all_ranks(share: Any, world_size: int, noun: str) -> list[Measured]:
    """The whole test set, in its order, on each rank.

    Args:
        share: This rank's `outcome` of `measure`.
        noun: What a signal is called.

    Raises:
        ValueError: on all ranks, what any of them met; or a signal that is there twice, or not at all.
    """
    shares: list[Any] = [share]
    if world_size > 1:
        if not dist.is_initialized():
            raise ValueError(f"evaluate() got world_size={world_size}, but torch.distributed is not initialised")
        shares = [None] * world_size
        dist.all_gather_object(shares, share)
    for each in shares:
        if isinstance(each, ValueError):
            raise each
    signals = sorted((signal for each in shares for signal in each), key=lambda signal: signal.place)
    if [signal.place for signal in signals] != list(range(len(signals))) or not signals:
        raise ValueError(
            f"evaluate() needs each {noun} once, with its place in the test set counted from 0; it got {len(signals)}"
        )
    return signals
