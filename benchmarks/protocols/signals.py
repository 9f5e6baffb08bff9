"""Signals measured one after the other, sounds and clips: what each costs, and what a whole set comes to.

Each goes through alone, so that no number depends on a batch or on the number of processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import torch.distributed as dist
from jaxtyping import Int
from torch import Tensor

from benchmarks.metrics.codes import has_codebook
from benchmarks.protocols.rates import SignalCodes, code_use
from benchmarks.records.resampling import draws
from benchmarks.records.samples import save_samples
from quantizers import Quantizer
from storage.paths import StrPath

if TYPE_CHECKING:
    from priors.code_models import CodeModel

OF_RATES = ("kbps", "kbps_entropy", "kbps_modelled", "kbps_file", "codes_per_second", "usage", "perplexity")
"""Metrics of what codes or files cost, and of how codes are used."""

NO_CODES = "a codec's file has no codes of a codebook"
NO_CODEBOOK = "there is no codebook: every channel is kept as a 32-bit float"
NO_MODEL = "no model of the codes was given"
NO_FILE = "a tokenizer's codes are in no file"


class Coded(NamedTuple):
    """A signal and its reconstruction.

    Attributes:
        place: In the test set.
        original: (C, *extent), as it was.
        reconstruction: As large, and of the same kind of numbers.
        codes: int64, one map per quantizer, each (1, codes_per_position, *grid); none of a codec.
        stream_bytes: Of a codec, of the coded signal alone; None of a tokenizer.
        file_bytes: Of a codec, of the whole file.
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
    coded: Callable[[], Iterable[Coded]],
    fidelity: Callable[[Coded], Fidelity],
    seconds: Callable[[Tensor], float],
    quantizers: tuple[Quantizer, ...],
    model: CodeModel | None,
    progress: Callable[[int], None] | None,
) -> list[Measured]:
    """Each signal's numbers, those of its rate among them.

    Args:
        coded: Gives the signals.
        fidelity: Of a signal.
        seconds: How long a signal is.
        quantizers: Of the tokenizer; none of a codec.
        model: Of the codes, for the modelled rate.
        progress: Called with 1 after each signal.
    """
    found = []
    for signal in coded():
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
        if signal.stream_bytes is not None and signal.file_bytes is not None:
            numbers["kbps"], numbers["kbps_file"] = (
                8 * count * kilobits for count in (signal.stream_bytes, signal.file_bytes)
            )
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


class Summary(NamedTuple):
    """What a whole set comes to.

    Attributes:
        metrics: By name; None where there is none.
        missing: Metric -> why it is None, and how to get it.
        unmeasured: Metric -> signals, by place, that have no number, and why.
        per_signal: Metric -> float64 (signals,); not a number where there is none.
        resampled: Metric that is no mean over signals -> its values on the fixed resamples of the set.
        usage: Of each codebook, the share of its codes that occur; none without codes.
        perplexity: Of each codebook, 2^entropy.
    """

    metrics: dict[str, float | None]
    missing: dict[str, str]
    unmeasured: dict[str, dict[int, str]]
    per_signal: dict[str, np.ndarray]
    resampled: dict[str, np.ndarray]
    usage: tuple[float, ...]
    perplexity: tuple[float, ...]


def summarise(
    signals: Sequence[Measured],
    names: Sequence[str],
    missing: Mapping[str, str],
    quantizers: tuple[Quantizer, ...],
    noun: str,
) -> Summary:
    """The means over all signals, and how their codes are used.

    Args:
        names: Metrics, in the order in which they are stored.
        missing: Metric -> why no signal has it.
        noun: What a signal is called.
    """
    missing = dict(missing)
    measured = signals[0].numbers
    per_signal = {name: np.array([signal.numbers[name] for signal in signals]) for name in measured}
    metrics: dict[str, float | None] = dict.fromkeys(names)
    for name, values in per_signal.items():
        there = values[~np.isnan(values)]
        if len(there):
            metrics[name] = float(there.mean())
        else:
            missing[name] = f"no {noun} has a number; of the first: {signals[0].unmeasured[name]}"
    unmeasured = {
        name: {signal.place: signal.unmeasured[name] for signal in signals if name in signal.unmeasured}
        for name in measured
    }
    codes = [signal.codes for signal in signals if signal.codes is not None]
    resampled: dict[str, np.ndarray] = {}
    usage: tuple[float, ...] = ()
    perplexity: tuple[float, ...] = ()
    if codes:
        seconds = np.array([signal.seconds for signal in signals])
        drawn = draws(len(signals))
        use = code_use(codes, quantizers[0].codebook_size, drawn)
        usage, perplexity = tuple(use.usage.tolist()), tuple(np.exp2(use.entropy).tolist())
        metrics["usage"], metrics["perplexity"] = float(np.mean(usage)), float(np.mean(perplexity))
        metrics["kbps_entropy"] = use.bits / float(seconds.sum()) / 1000
        resampled = {
            "usage": use.resampled_usage.mean(0),
            "perplexity": np.exp2(use.resampled_entropy).mean(0),
            "kbps_entropy": use.resampled_bits / (drawn @ seconds) / 1000,
        }
    reasons = {
        **dict.fromkeys(("usage", "perplexity", "kbps_entropy"), NO_CODEBOOK if quantizers else NO_CODES),
        "codes_per_second": NO_CODES,
        "kbps_modelled": NO_MODEL if quantizers else NO_CODES,
        "kbps_file": NO_FILE,
    }
    missing |= {name: why for name, why in reasons.items() if metrics[name] is None}
    return Summary(
        metrics,
        missing,
        {name: found for name, found in unmeasured.items() if found},
        per_signal,
        resampled,
        usage,
        perplexity,
    )


@dataclass(frozen=True, kw_only=True)
class SignalEvaluation:
    """What a protocol measures of a tokenizer or a codec on a test set of sounds or clips.

    Attributes:
        noun: What a signal is called.
        count: How many.
        seconds: Of all of them together.
        metrics: Of the whole set.
        missing: Metric -> why it is None, and how to get it.
        unmeasured: Metric -> signals, by place, that have no number, and why.
        per_signal: Metric -> float64 (signals,), in the order of the test set; not a number where there is none.
        resampled: Metric that is no mean over signals -> its values on the fixed resamples of the test set.
        rate: Samples or frames per second.
        samples: The beginnings of the test set's first signals and of their reconstructions.
        usage: Of each codebook, the share of its codes that occur; none without codes.
        perplexity: Of each codebook, 2^entropy.
    """

    noun: ClassVar[str]

    count: int
    seconds: float
    metrics: dict[str, float | None]
    missing: dict[str, str]
    unmeasured: dict[str, dict[int, str]]
    per_signal: dict[str, np.ndarray]
    resampled: dict[str, np.ndarray]
    rate: float
    samples: tuple[np.ndarray, np.ndarray]
    usage: tuple[float, ...] = ()
    perplexity: tuple[float, ...] = ()

    @property
    def notes(self) -> dict[str, str]:
        """Metric -> how many signals have no number, and why."""
        return {
            name: f"{len(signals)} of {self.count} {self.noun}s have no number: "
            + "; ".join(why if count == 1 else f"{why} ({count})" for why, count in Counter(signals.values()).items())
            for name, signals in self.unmeasured.items()
            if name not in self.missing
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored beside a record of it, by name."""
        return {
            **{f"{self.noun}/{name}": values for name, values in self.per_signal.items()},
            **{f"resampled/{name}": values for name, values in self.resampled.items()},
            **({"codebooks/usage": np.array(self.usage)} if self.usage else {}),
            **({"codebooks/perplexity": np.array(self.perplexity)} if self.perplexity else {}),
            "samples/original": self.samples[0],
            "samples/reconstruction": self.samples[1],
            "samples/rate": np.array(self.rate),
        }

    def save_samples(self, path: StrPath, name: str) -> None:
        """The picture beside the record at `path`: what the samples look like, originals over what a tokenizer or
        codec, so named, made of them."""
        originals, reconstructions = self.samples
        save_samples(Path(path).with_suffix(".png"), {"original": originals, name: reconstructions})
