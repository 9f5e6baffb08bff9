"""Whether a run that was made again agrees with the stored one.

Where nothing differs between the two environments that could change a rounding, every number must be equal. Elsewhere
each metric must lie within the seed spread. Two runs of a row that share nothing but the configuration differ by
chance, with the standard deviation √2 s, where s is that of the row over seeds, and hardly by more than t √2 s, with
Student's 97.5 % quantile t. For s the other stored seeds are taken with the stored number, and with the new one, and
the smaller s counts: a number that is far off cannot hide behind the spread that it makes. Of two runs that differ by
chance alone, that tells fewer than one in ten apart, whatever the number of seeds.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.stats import t

from benchmarks.records.record import Record
from benchmarks.records.values import digest

QUANTILE = 0.975

Verdict = Literal["agrees exactly", "agrees within the seed spread", "does not agree", "no verdict"]

SPEEDS = {"curve/images_per_second"}
"""Stored arrays that no two runs have in common."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class MetricAgreement(_Part):
    """One metric then and now; a number is None where the metric was not measured."""

    name: str
    stored: float | None
    now: float | None
    difference: float | None
    spread: float | None
    """The largest difference that chance explains; None with fewer than two stored seeds."""
    agrees: bool | None
    """None: cannot be said."""


class ArrayDifference(_Part):
    """Of the numbers stored beside a run, an array that is not equal then and now."""

    name: str
    values: int
    different: int
    largest: float | None
    """The largest difference; None where the shapes differ or a number is not finite."""


class EnvironmentDifference(_Part):
    """What was otherwise when the stored run was made, or is not known to have been the same."""

    name: str
    stored: str
    now: str


class Agreement(_Part):
    """A stored run beside the same run made again."""

    id: str
    verdict: Verdict
    failure: str | None = None
    """Why the run could not be made again."""
    exact_expected: bool = False
    """Whether the environments are so alike that every number must be equal."""
    environment: tuple[EnvironmentDifference, ...] = ()
    seeds: tuple[int, ...] = ()
    """The stored seeds of the row, this one included."""
    metrics: tuple[MetricAgreement, ...] = ()
    not_measured: dict[str, str] = {}
    """Metrics that are there on one side only -> why not on the other."""
    arrays: tuple[str, ...] = ()
    """Arrays that are there then and now: per-image metrics, code counts, curves, sample pictures."""
    array_differences: tuple[ArrayDifference, ...] = ()
    curves_part_at: int | None = None
    """The first logged step at which the training went another way."""

    @property
    def agrees(self) -> bool:
        """Whether the verdict is that it agrees, in one way or the other."""
        return self.verdict.startswith("agrees")


def row(record: Record) -> Hashable:
    """What runs share that differ in nothing but their seed."""
    return (
        record.settings,
        record.quantizer.name,
        record.quantizer.bits_per_position,
        digest(record.quantizer.options),
        record.config.get("code"),
    )


def compare(
    stored: Record,
    now: Record,
    stored_arrays: Mapping[str, np.ndarray],
    arrays: Mapping[str, np.ndarray],
    others: Sequence[Record],
) -> Agreement:
    """Hold a run made again against the stored one.

    Args:
        stored: The stored run.
        now: The same run made again.
        stored_arrays: The arrays beside the stored run; empty where they are not at hand.
        arrays: Those of the run made again.
        others: Stored runs, of which those of the same row give the spread.
    """
    same_row = {other.seed: other for other in others if row(other) == row(stored) and other.seed != stored.seed}
    environment = environment_differences(stored, now)
    exact = not environment and now.environment.device == "cpu"  # a GPU sums in no fixed order
    metrics = tuple(
        _metric(name, value, now.metrics.get(name), [other.metrics.get(name) for other in same_row.values()], exact)
        for name, value in stored.metrics.items()
        if value is not None or now.metrics.get(name) is not None
    )
    common = sorted((stored_arrays.keys() & arrays.keys()) - SPEEDS)
    differences = [_array(name, stored_arrays[name], arrays[name]) for name in common]
    array_differences = tuple(each for each in differences if each.different)
    return Agreement(
        id=stored.id,
        verdict=_verdict(metrics, array_differences, exact),
        exact_expected=exact,
        environment=environment,
        seeds=tuple(sorted([stored.seed, *same_row])),
        metrics=metrics,
        not_measured={
            metric.name: (now.missing if metric.now is None else stored.missing).get(metric.name, "not known")
            for metric in metrics
            if metric.difference is None
        },
        arrays=tuple(common),
        array_differences=array_differences,
        curves_part_at=_curves_part_at(stored_arrays, arrays),
    )


def spread(stored: float, now: float, others: Sequence[float]) -> float | None:
    """The largest difference between two runs that chance explains, by the same metric of other seeds; None without
    any of them."""
    if not others:
        return None
    deviation = min(np.std([*others, stored], ddof=1), np.std([*others, now], ddof=1))
    return float(t.ppf(QUANTILE, len(others)) * math.sqrt(2) * deviation)


def environment_differences(stored: Record, now: Record) -> tuple[EnvironmentDifference, ...]:
    """What differs in machine, versions and code. A commit with changes on top is not known to be the same."""
    pairs = {
        name: (getattr(stored.environment, name), getattr(now.environment, name))
        for name in type(stored.environment).model_fields
    }
    pairs["processes"] = (stored.training.processes, now.training.processes)
    pairs["quantizer's source"] = (stored.config.get("code"), now.config.get("code"))
    commit = stored.environment.commit
    unknown = {"commit"} if commit is None or commit.endswith("+") else set()
    return tuple(
        EnvironmentDifference(name=name, stored=str(then), now=str(here))
        for name, (then, here) in pairs.items()
        if then != here or name in unknown
    )


def _metric(
    name: str, stored: float | None, now: float | None, others: Sequence[float | None], exact: bool
) -> MetricAgreement:
    if stored is None or now is None:
        return MetricAgreement(name=name, stored=stored, now=now, difference=None, spread=None, agrees=None)
    difference = now - stored
    allowed = spread(stored, now, [value for value in others if value is not None])
    if exact or difference == 0:
        agrees: bool | None = difference == 0
    else:
        agrees = None if allowed is None else abs(difference) <= allowed
    return MetricAgreement(name=name, stored=stored, now=now, difference=difference, spread=allowed, agrees=agrees)


def _apart(stored: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Where two arrays differ; a curve has NaN where nothing was logged."""
    return (stored != now) & ~(np.isnan(stored) & np.isnan(now))


def _array(name: str, stored: np.ndarray, now: np.ndarray) -> ArrayDifference:
    if stored.shape != now.shape:
        return ArrayDifference(name=name, values=stored.size, different=stored.size, largest=None)
    apart = _apart(stored, now)
    gaps = np.abs(stored[apart].astype(float) - now[apart].astype(float))
    largest = float(gaps.max()) if gaps.size and np.isfinite(gaps).all() else None
    return ArrayDifference(name=name, values=stored.size, different=int(apart.sum()), largest=largest)


def _curves_part_at(stored: Mapping[str, np.ndarray], now: Mapping[str, np.ndarray]) -> int | None:
    names = [name for name in stored.keys() & now.keys() - SPEEDS if name.startswith("curve/")]
    if "curve/step" not in names or any(stored[name].shape != now[name].shape for name in names):
        return None
    apart = np.flatnonzero(np.any([_apart(stored[name], now[name]) for name in names], axis=0))
    return int(stored["curve/step"][apart[0]]) if len(apart) else None


def _verdict(metrics: Sequence[MetricAgreement], arrays: Sequence[ArrayDifference], exact: bool) -> Verdict:
    if not arrays and metrics and all(metric.difference == 0 for metric in metrics if metric.difference is not None):
        return "agrees exactly"
    if exact or any(metric.agrees is False for metric in metrics):
        return "does not agree"
    if any(metric.spread is not None for metric in metrics):
        return "agrees within the seed spread"
    return "no verdict"
