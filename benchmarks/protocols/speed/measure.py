"""How a work is timed: its competitors take turns, round by round, so that the machine's noise meets all alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.metrics.speed import peak_memory_growth
from benchmarks.protocols.speed.goals import GOAL_DEVICE, missed_goals
from benchmarks.protocols.speed.operators import largest_operators
from benchmarks.protocols.speed.work import Unavailable, Work
from benchmarks.records.speed import Group, Result, spread_of_ratios

SAMPLE_SECONDS = 0.02
"""Shorter calls are repeated until a sample takes this long, so that the clock and the loop do not count."""

WARM_UP_CALLS, WARM_UP_SECONDS = 5, 0.5
"""After its first call a competitor is called this often, or until that much time is over: a fresh codebook settles."""


@dataclass(frozen=True)
class Effort:
    """How long a group is measured: in so many processes, in each of them rounds until `seconds` are over, but at least
    `least` and at most `most`."""

    least: int
    most: int
    seconds: float
    processes: int = 1


FULL = Effort(least=3, most=50, seconds=2, processes=3)
SWEEP = Effort(least=5, most=20, seconds=3)
QUICK = Effort(least=3, most=10, seconds=1)


def seconds_per_call(call: Callable[[], Any], repeats: int, device: torch.device) -> float:
    """Mean time of `repeats` calls in a row, the device being idle before and after."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begin = time.perf_counter()
    for _ in range(repeats):
        call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - begin) / repeats


@dataclass(frozen=True)
class Prepared:
    """A competitor that has been warmed up.

    Attributes:
        call: does the work once.
        peak_bytes: the most memory that a call took beyond what was there, after the first.
        repeats: calls that make a sample.
        sample_seconds: about how long that takes.
    """

    call: Callable[[], Any]
    peak_bytes: float | None
    repeats: int
    sample_seconds: float


def prepare(make: Callable[[torch.device], Callable[[], Any]], device: torch.device) -> Prepared:
    """Build a competitor, call it for what it does but once, then warm it up, which shows its memory and its time.

    Raises:
        Unavailable: it cannot take part here.
    """
    torch.manual_seed(0)
    call = make(device)
    call()
    seconds: list[float] = []

    def warm_up() -> None:
        while len(seconds) < WARM_UP_CALLS and sum(seconds) < WARM_UP_SECONDS:
            seconds.append(seconds_per_call(call, 1, device))

    peak = peak_memory_growth(warm_up, device)
    repeats = max(1, math.ceil(SAMPLE_SECONDS / seconds[-1]))
    return Prepared(call, peak, repeats, repeats * seconds[-1])


def measure(work: Work, device: torch.device, effort: Effort, say: Callable[[str], None] = lambda text: None) -> Group:
    """Time all competitors of a work in this process, on as many threads as PyTorch is set to.

    Args:
        say: told what is going on.
    """
    prepared, skipped = {}, {}
    for competitor in work.competitors:
        say(f"{work.name}: preparing {competitor.name}")
        try:
            prepared[competitor.name] = prepare(competitor.make, device)
        except Unavailable as reason:
            skipped[competitor.name] = str(reason)
        except (
            RuntimeError,
            MemoryError,
        ) as error:  # out of memory, as a rule; without the reference there is no ratio
            if competitor is work.competitors[0]:
                raise
            skipped[competitor.name] = f"failed: {error}"
    samples: dict[str, list[float]] = {name: [] for name in prepared}
    begin, rounds, order = time.perf_counter(), 0, list(prepared)
    while rounds < effort.least or (rounds < effort.most and time.perf_counter() - begin < effort.seconds):
        rounds += 1
        say(f"{work.name}: round {rounds}")
        for name in order:
            samples[name].append(seconds_per_call(prepared[name].call, prepared[name].repeats, device))
        order.reverse()  # so that a drift favours neither the first nor the last
    rounds_of = {name: [seconds] for name, seconds in samples.items()}
    group = group_of(work, rounds_of, {name: each.peak_bytes for name, each in prepared.items()}, skipped)
    if device.type == GOAL_DEVICE and missed_goals(work.goals, group):
        reference = prepared[work.competitors[0].name]
        group = group.model_copy(update={"operators": largest_operators(reference.call, 5 * reference.repeats)})
    return group


def group_of(
    work: Work,
    samples: Mapping[str, Sequence[Sequence[float]]],
    peaks: Mapping[str, float | None],
    skipped: Mapping[str, str],
) -> Group:
    """A work's record from the seconds of a call, process by process and round by round, the reference first."""
    medians = {
        name: float(np.median([np.median(rounds) for rounds in processes])) for name, processes in samples.items()
    }
    reference = next(iter(samples.values()))
    given = {competitor.name: competitor.given for competitor in work.competitors}
    results = [
        Result(
            competitor=name,
            given=given[name],
            seconds=[list(rounds) for rounds in processes],
            median_seconds=medians[name],
            ratio=spread_of_ratios(processes, reference),
            peak_bytes=peaks[name],
            codes_per_second=work.sizes["N"] / medians[name],
        )
        for name, processes in samples.items()
    ]
    return Group(
        work=work.name,
        kind=work.kind,
        subject=work.subject,
        sizes=dict(work.sizes),
        results=results,
        skipped=dict(skipped),
    )


def together(work: Work, groups: Sequence[Group]) -> Group:
    """The record of a work from those of several processes; who was skipped in one of them is skipped."""
    skipped = {name: reason for group in groups for name, reason in group.skipped.items()}
    taking_part = [result.competitor for result in groups[0].results if result.competitor not in skipped]
    results = {name: [group.result(name) for group in groups] for name in taking_part}
    samples = {name: [rounds for each in found if each for rounds in each.seconds] for name, found in results.items()}
    peaks = {name: _largest([each.peak_bytes for each in found if each]) for name, found in results.items()}
    operators = next((group.operators for group in groups if group.operators), [])
    return group_of(work, samples, peaks, skipped).model_copy(update={"operators": operators})


def _largest(peaks: Sequence[float | None]) -> float | None:
    return None if None in peaks else max(peak for peak in peaks if peak is not None)
