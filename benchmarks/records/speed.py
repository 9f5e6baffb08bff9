"""A stored speed run: one JSON file, written anew after every process, so that a killed run keeps what it has done."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator

from benchmarks.records.files import Frozen, read_each, read_model
from benchmarks.records.record import Environment
from storage.paths import StrPath

PROTOCOL = "speed/4"
SCHEMA = 2
"""Version of the file; raised when a field changes its name or its meaning."""

PEERS = ("vector-quantize-pytorch", "faiss-cpu", "transformers", "diffusers")


class Spread(Frozen):
    """A median with the least and the largest; up to speed/3, of single rounds, with the quartiles."""

    median: float
    low: float
    high: float


def spread_of_ratios(seconds: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]) -> Spread:
    """Over the processes, each of which counts with the median of its rounds' ratios of times over a reference's."""
    ratios = [float(np.median(np.divide(*rounds))) for rounds in zip(seconds, reference, strict=True)]
    return Spread(median=float(np.median(ratios)), low=min(ratios), high=max(ratios))


class Result(Frozen):
    """What was measured of one competitor.

    Attributes:
        seconds: of one call, process by process and in each round by round.
        median_seconds: the median over the processes of their medians.
        ratio: its time over the reference's in the same round: the median of each process's rounds, over the processes.
        peak_bytes: the most memory that a call takes on top of what was there before, in any of the processes; None
            where that cannot be told.
        codes_per_second: positions over the median time; a position counts once, however many codes it has.
    """

    competitor: str
    given: str
    seconds: list[list[float]]
    median_seconds: float
    ratio: Spread
    peak_bytes: float | None
    codes_per_second: float

    @field_validator("seconds", mode="before")
    @classmethod
    def _of_one_process(cls, seconds: Any) -> Any:
        """Files of schema 1 have the rounds of their one process."""
        return [seconds] if isinstance(seconds, list) and seconds and isinstance(seconds[0], float) else seconds


class Operator(Frozen):
    """One of PyTorch's operators in a call: its share of the time, less what it calls in turn, and how often."""

    name: str
    share: float
    calls: float


class Group(Frozen):
    """One work: what each competitor took, the reference first, and why others are missing.

    Attributes:
        operators: what the reference's time goes to, largest first, in the first process that missed a goal.
    """

    work: str
    kind: str
    subject: str
    sizes: dict[str, int]
    results: list[Result]
    skipped: dict[str, str]
    operators: list[Operator] = Field(default_factory=list)

    def result(self, competitor: str) -> Result | None:
        """What was measured of a competitor, if it took part."""
        return next((result for result in self.results if result.competitor == competitor), None)

    @property
    def processes(self) -> int:
        """How many it was measured in."""
        return len(self.results[0].seconds)


class Limits(Frozen):
    """The best that this machine did while measuring: float32 operations per second of a square matrix product, and
    bytes read plus bytes written per second of a copy too large for the caches."""

    flops_per_second: float
    bytes_per_second: float


class Conditions(Frozen):
    """What has to be equal for two groups to stand in one run."""

    protocol: str
    series: Literal["works", "sweep"]
    quick: bool
    device: str
    threads: int
    environment: Environment
    packages: dict[str, str]
    code: str
    """Digest of the source of `quantizers`, `autoencoders` and `priors`, and of the works."""

    @property
    def id(self) -> str:
        """Name of the run's file: what it is, and a digest of everything above but the commit."""
        same = self.model_dump_json(exclude={"environment": {"commit"}})
        digest = hashlib.sha256(same.encode()).hexdigest()[:10]
        quick = "quick-" if self.quick else ""
        return f"{quick}{self.series}-{self.device}-{self.threads}threads-{digest}"


class SpeedRun(Frozen):
    """All that one command measured under the same conditions."""

    schema_version: int
    protocol: str
    conditions: Conditions
    limits: Limits
    groups: list[Group]
    command: str
    created: datetime
    wall_seconds: float

    def group(self, work: str) -> Group | None:
        """The group of a work, if it has been measured."""
        return next((group for group in self.groups if group.work == work), None)

    def with_group(self, group: Group, seconds: float) -> SpeedRun:
        """The run with a group, in the place of one of the same work, which took that much longer to measure."""
        groups = {each.work: each for each in self.groups} | {group.work: group}
        return self.model_copy(update={"groups": [*groups.values()], "wall_seconds": self.wall_seconds + seconds})


def read_run(path: StrPath) -> SpeedRun:
    """Read and check one; RecordError as `read_model`."""
    return read_model(path, SpeedRun, "speed run", PROTOCOL, SCHEMA)


def read_runs(folder: StrPath) -> tuple[list[tuple[Path, SpeedRun]], list[str]]:
    """All speed runs in `folder`, in order of name, and a sentence for each file that had to be left out."""
    problems: list[str] = []
    return list(read_each(sorted(Path(folder).glob("*.json")), read_run, problems)), problems
