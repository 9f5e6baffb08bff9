"""A run with all that follows from what was asked for and from its data, worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.records.files import LOGS
from benchmarks.training.presets import changes, command_line
from benchmarks.training.settings import RunConfig, run_id, settings_digest
from benchmarks.training.signals import SignalData, signal_of
from storage.paths import StrPath


@dataclass(frozen=True)
class ResolvedRun:
    """A run with its data, its digest and its place, ready to be done.

    Attributes:
        asked: Quantizer, rate, seed and settings.
        data: What it trains and tests on, open.
        settings: Digest of what two rows must share to be compared.
        changes: Settings that differ from the preset's own.
        command: What makes it again.
        path: Where its record belongs.
    """

    asked: RunConfig
    data: SignalData
    settings: str
    changes: dict[str, Any]
    command: str
    path: Path

    @property
    def id(self) -> str:
        """Name of its files: same configuration, data and seed, same name."""
        return self.path.stem

    @property
    def checkpoint(self) -> Path:
        """Where its training is kept until it is done."""
        return self.path.with_suffix(".checkpoint.safetensors")

    @property
    def logs(self) -> Path:
        """Folder of what its training tells trackers."""
        return self.path.with_suffix(LOGS)


def resolve(asked: RunConfig, data: SignalData, output: StrPath) -> ResolvedRun:
    """The run on these data, to be stored in a folder."""
    settings = settings_digest(asked.settings, signal_of(asked.settings).protocol, data.record["fingerprint"])
    changed = changes(asked.settings, asked.preset)
    path = Path(output) / asked.preset / data.record["name"] / f"{run_id(asked, settings)}.json"
    return ResolvedRun(asked, data, settings, changed, command_line(asked, changed), path)
