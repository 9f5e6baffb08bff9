"""Stored priors and what was drawn from them: found in folders, and chosen for tables and pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

from benchmarks.records import generation_schema_1 as first
from benchmarks.records.arrays import read_arrays
from benchmarks.records.files import RecordError, find_records, read_this_version
from benchmarks.records.generation import (
    PRIOR_PREFIX,
    PROTOCOL,
    SAMPLES_PREFIX,
    SCHEMA,
    PriorRecord,
    SamplingRecord,
)
from priors import PriorName
from storage.paths import StrPath

PRIOR = "gpt"
"""Whose bits tables and pictures show unless another is asked for: exact ones."""


NOT_YET: Sequence[SamplingRecord | None] = (None,)
"""The samplings of a prior that was not drawn from."""


class Generation(NamedTuple):
    """A stored prior, and one sampling of it; none where it was not drawn from yet."""

    path: Path
    """The prior's file, beside which its weights and arrays lie."""
    prior: PriorRecord
    sampling: SamplingRecord | None

    @property
    def settings(self) -> tuple[str, str]:
        """Digests of those of the training and of the sampling; the second is empty without one."""
        return self.prior.settings, self.sampling.settings if self.sampling else ""

    @property
    def record(self) -> PriorRecord | SamplingRecord:
        """What was measured last."""
        return self.sampling or self.prior

    @property
    def numbers(self) -> dict[str, float | None]:
        """Everything that has a column."""
        return {**self.prior.numbers, **(self.sampling.numbers if self.sampling else {})}


def read_prior(path: StrPath) -> PriorRecord:
    """Read and check a prior's file of any schema; RecordError as `read_this_version`."""
    return _read_prior(Path(path))[0]


def read_sampling(path: StrPath) -> SamplingRecord:
    """Read and check the file of a sampling; RecordError as `read_this_version`."""
    return read_this_version(path, SamplingRecord, "file of a sampling", PROTOCOL, SCHEMA)


def _read_prior(path: Path) -> tuple[PriorRecord, SamplingRecord | None]:
    """A prior, and the sampling that up to schema 1 stands in the same file."""
    try:
        schema = json.loads(path.read_bytes()).get("schema_version")
    except (OSError, ValueError, AttributeError):
        schema = None  # said below
    if schema == first.SCHEMA:
        return first.read(path)
    return read_this_version(path, PriorRecord, "file of a prior", PROTOCOL, SCHEMA), None


def read_generations(paths: Iterable[StrPath], problems: list[str]) -> list[Generation]:
    """What is stored in files and folders, prior by prior; a sentence for each file that had to be left out goes to
    `problems`."""
    files = [path for path in find_records(paths) if path.name.startswith((PRIOR_PREFIX, SAMPLES_PREFIX))]
    priors: dict[str, tuple[Path, PriorRecord]] = {}
    samplings: dict[str, list[SamplingRecord]] = {}
    for path in files:
        try:
            if path.name.startswith(PRIOR_PREFIX):
                prior, drawn = _read_prior(path)
                priors.setdefault(prior.id, (path, prior))
            else:
                drawn = read_sampling(path)
                if not path.with_name(f"{drawn.prior}.json").is_file():
                    problems.append(f"{path}: drawn from {drawn.prior}, which does not lie beside it")
                    continue
        except RecordError as error:
            problems.append(str(error))
            continue
        if drawn is not None:
            known = samplings.setdefault(drawn.prior, [])
            if all(each.id != drawn.id for each in known):  # a copy in another folder counts once
                known.append(drawn)
    return [
        Generation(path, prior, sampling)
        for path, prior in priors.values()
        for sampling in samplings.get(prior.id, NOT_YET)
    ]


def without_damaged(generations: Sequence[Generation], problems: list[str]) -> list[Generation]:
    """Those whose priors' arrays can be read; a sentence for each other prior goes to `problems`."""
    damaged: set[Path] = set()
    for path in dict.fromkeys(of.path for of in generations):
        try:
            read_arrays(path)
        except RecordError as error:
            problems.append(str(error))
            damaged.add(path)
    return [of for of in generations if of.path not in damaged]


def chosen(generations: Sequence[Generation], prior: str, runs: Iterable[str]) -> list[Generation]:
    """Those on some runs that are of one kind of prior, or of one digest.

    Args:
        prior: A kind, "gpt", or the digest of a prior's settings.
        runs: Ids of the runs.

    Raises:
        ValueError: no prior has that digest.
    """
    known = set(runs)
    here = [of for of in generations if of.prior.run in known]
    fitting = [of for of in here if prior in (of.prior.prior, of.prior.settings)]
    if not fitting and prior not in get_args(PriorName):
        labels = sorted({of.prior.label for of in here})
        raise ValueError(f"no prior {prior!r} is on these runs; there are: {'; '.join(labels) or 'none'}")
    return fitting


def remark(generations: Sequence[Generation]) -> list[str]:
    """How the columns of priors were measured, and why some are empty."""
    samplings = [of.sampling for of in generations if of.sampling is not None]
    empty = {f"{name} is empty: {reason}" for of in samplings for name, reason in of.missing.items()}
    notes = {f"{name}: {note}" for of in samplings for name, note in of.notes.items()}
    kinds = {
        f"modelled bits: {of.label}, {of.protocol}{'' if of.exact else ', a bound above them'}"
        for of in (each.prior for each in generations)
    }
    kinds |= {
        f"drawn: as the preset draws them but for {changed} ({of.settings})"
        for of in samplings
        if (changed := ", ".join(f"{name}={value}" for name, value in sorted(of.changes.items())))
    }
    return sorted(kinds) + sorted(empty) + sorted(notes)
