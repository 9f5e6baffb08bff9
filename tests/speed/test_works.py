"""The works of `benchmarks.protocols.speed.catalogue`, timed by pytest-benchmark one after the other.

For a first look: ratios that are to be shown come from `python -m benchmarks.speed`, whose competitors take turns.
"""

import math
from typing import Any

import pytest
import torch

from benchmarks.data.machine import torch_threads
from benchmarks.protocols.speed.measure import prepare, seconds_per_call
from benchmarks.protocols.speed.work import Competitor, Unavailable, Work

SECONDS, MOST_ROUNDS = 0.3, 15
"""A competitor is timed for about this long; one that is slower once, after its warm-up."""


def test_speed(
    benchmark: Any, work: Work, competitor: Competitor, threads: int, device: torch.device, timings: Any
) -> None:
    benchmark.group = f"{work.name}, {threads} threads"
    with torch_threads(threads):
        try:
            prepared = prepare(competitor.make, device)
        except Unavailable as reason:
            timings.skipped[competitor.name] = str(reason)
            pytest.skip(f"{competitor.name}: {reason}")
        benchmark.pedantic(
            lambda: seconds_per_call(prepared.call, 1, device),
            rounds=min(MOST_ROUNDS, max(1, math.floor(SECONDS / prepared.sample_seconds))),
            iterations=prepared.repeats,
        )
    timings.seconds[competitor.name] = benchmark.stats.stats.data
    timings.peaks[competitor.name] = prepared.peak_bytes
    benchmark.extra_info |= {
        "given": competitor.given,
        "peak_bytes": prepared.peak_bytes,
        "codes_per_second": work.sizes["N"] / benchmark.stats.stats.median,
    }
