"""What a whole set of signals measured one after the other comes to, sounds or clips, and how it is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.metrics.codes import CodeHistogram
from benchmarks.protocols.rates import code_use
from benchmarks.protocols.signals import Measured
from benchmarks.records.resampling import draws
from benchmarks.records.samples import save_samples
from quantizers import Quantizer
from storage.paths import StrPath

OF_RATES = ("kbps", "kbps_entropy", "kbps_modelled", "kbps_file", "codes_per_second", "usage", "perplexity")
"""Metrics of what codes or files cost, and of how codes are used."""

NO_CODES = "a codec's file, or a reconstruction alone, has no codes of a codebook"
NO_CODEBOOK = "there is no codebook: every channel is kept as a 32-bit float"
NO_MODEL = "no model of the codes was given"
NO_FILE = "a tokenizer's codes are in no file"
NO_RATE = "of reconstructions alone, or of files, it is not known what the coded signal took"
NO_CODED_FILE = "the reconstructions are no files of a codec"


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a whole set comes to.

    Attributes:
        count: Of signals.
        seconds: Of all of them together.
        metrics: By name; None where there is none.
        missing: Metric -> why it is None, and how to get it.
        unmeasured: Metric -> signals, by place, that have no number, and why.
        per_signal: Metric -> float64 (signals,), in the order of the set; not a number where there is none.
        resampled: Metric that is no mean over signals -> its values on the fixed resamples of the set.
        usage: Of each codebook, the share of its codes that occur; none without codes.
        perplexity: Of each codebook, 2^entropy.
        code_counts: How often each code occurs, int64 (codebooks, codebook size); None without codes, and of codebooks
            too large to count.
    """

    count: int
    seconds: float
    metrics: dict[str, float | None]
    missing: dict[str, str]
    unmeasured: dict[str, dict[int, str]]
    per_signal: dict[str, np.ndarray]
    resampled: dict[str, np.ndarray]
    usage: tuple[float, ...]
    perplexity: tuple[float, ...]
    code_counts: np.ndarray | None


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
    code_counts = None
    if codes:
        seconds = np.array([signal.seconds for signal in signals])
        drawn = draws(len(signals))
        use = code_use(codes, quantizers[0].codebook_size, drawn)
        usage, perplexity = tuple(use.usage.tolist()), tuple(np.exp2(use.entropy).tolist())
        metrics["usage"], metrics["perplexity"] = float(np.mean(usage)), float(np.mean(perplexity))
        metrics["kbps_entropy"] = use.bits / float(seconds.sum()) / 1000
        together = [np.concatenate(of_map)[None] for of_map in zip(*(of.maps for of in codes), strict=True)]
        code_counts = CodeHistogram.of(together).dense(quantizers[0].codebook_size)
        resampled = {
            "usage": use.resampled_usage.mean(0),
            "perplexity": np.exp2(use.resampled_entropy).mean(0),
            "kbps_entropy": use.resampled_bits / (drawn @ seconds) / 1000,
        }
    reasons = {
        **dict.fromkeys(("usage", "perplexity", "kbps_entropy"), NO_CODEBOOK if quantizers else NO_CODES),
        "codes_per_second": NO_CODES,
        "kbps": NO_RATE,
        "kbps_modelled": NO_MODEL if quantizers else NO_CODES,
        "kbps_file": NO_FILE if quantizers else NO_CODED_FILE,
    }
    missing |= {name: why for name, why in reasons.items() if metrics[name] is None}
    return Summary(
        metrics=metrics,
        missing=missing,
        unmeasured={name: found for name, found in unmeasured.items() if found},
        per_signal=per_signal,
        resampled=resampled,
        usage=usage,
        perplexity=perplexity,
        code_counts=code_counts,
        count=len(signals),
        seconds=sum(signal.seconds for signal in signals),
    )


@dataclass(frozen=True, kw_only=True)
class SignalEvaluation(Summary):
    """What a protocol measures of a tokenizer or a codec on a test set of sounds or clips.

    Attributes:
        noun: What a signal is called.
        rate: Samples or frames per second.
        samples: The beginnings of the test set's first signals and of their reconstructions.
    """

    noun: ClassVar[str]

    rate: float
    samples: tuple[np.ndarray, np.ndarray]

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
            **({} if self.code_counts is None else {"code_counts": self.code_counts}),
            "samples/original": self.samples[0],
            "samples/reconstruction": self.samples[1],
            "samples/rate": np.array(self.rate),
        }

    def save_samples(self, path: StrPath, name: str) -> None:
        """The picture beside the record at `path`: what the samples look like, originals over what a tokenizer or
        codec, so named, made of them."""
        originals, reconstructions = self.samples
        save_samples(Path(path).with_suffix(".png"), {"original": originals, name: reconstructions})
