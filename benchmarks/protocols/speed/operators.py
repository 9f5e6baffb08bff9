"""Which of PyTorch's operators the time of a call goes to."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from torch.profiler import ProfilerActivity, profile

from benchmarks.records.speed import Operator

LARGEST = 8
"""Operators that are kept."""


def largest_operators(call: Callable[[], Any], calls: int) -> list[Operator]:
    """The operators that `calls` calls spend the most CPU time in, less what they call in turn, largest first."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the profiler writes its stages over the progress bar
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for _ in range(calls):
            call()
    events = sorted(profiled.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return [
        Operator(
            name=event.key.removeprefix("aten::"), share=event.self_cpu_time_total / total, calls=event.count / calls
        )
        for event in events[:LARGEST]
    ]
