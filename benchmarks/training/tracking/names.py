"""The trackers by name, and whether they are installed; without torch, for help."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Literal

from benchmarks.command_line.usage import UsageError

TrackerName = Literal["jsonl", "tensorboard", "wandb"]


def require_trackers(names: Sequence[TrackerName]) -> None:
    """Raise UsageError where a tracker's package is not installed."""
    for name in names:
        if name != "jsonl" and find_spec(name) is None:
            raise UsageError(
                f"--log {name}: the package {name} is not installed; pip install 'quantizer-zoo-benchmark[{name}]', or "
                "take --log jsonl, which needs none"
            )
