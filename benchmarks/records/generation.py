"""The file of a prior's numbers, stored beside the run whose tokenizer it is on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from benchmarks.records.files import Frozen, RecordError, find_records, read_each, read_this_version
from benchmarks.records.record import Environment, TrainingRecord, read_arrays
from priors import PriorName
from storage.paths import StrPath

PROTOCOL = "generation/1"
SCHEMA = 1
PREFIX = "prior-"

PRIOR = "gpt"
"""Whose bits tables and pictures show unless another is asked for: exact ones."""


class Generation(Frozen):
    """One prior on the codes of one run's tokenizer, and what was measured of it."""

    schema_version: int
    id: str
    protocol: str
    run: str
    """The id of the run that trained the tokenizer."""
    tokenizer: str
    """The run's quantizer, rate and seed in words."""
    weights: str | None = None
    """Digest of the tokenizer's weights; None where an earlier version stored it."""
    preset: str
    prior: str
    exact: bool
    """Whether the negative log-likelihood is one; where not it is a bound above it."""
    settings: str
    """Digest of the prior's settings, and of what it was trained on where these are no crops of the run's pictures:
    equal digests are comparable."""
    changes: dict[str, Any]
    """Settings that differ from the preset's own."""
    config: dict[str, Any]
    layout: dict[str, Any]
    """How codes become tokens."""
    classes: int
    seed: int
    data: dict[str, Any]
    metrics: dict[str, float | None]
    missing: dict[str, str]
    notes: dict[str, str]
    generated: int
    references: int
    speed: dict[str, float | None]
    parameters: int
    training: TrainingRecord
    environment: Environment
    command: str
    created: datetime
    wall_seconds: float

    @property
    def numbers(self) -> dict[str, float | None]:
        """Everything that has a column."""
        return {**self.metrics, **self.speed, "prior_parameters": self.parameters / 1e6}

    @property
    def label(self) -> str:
        """The prior in words."""
        changed = "".join(f", {name}={value}" for name, value in sorted(self.changes.items()))
        return f"{self.prior} of the preset {self.preset}{changed} ({self.settings})"


def path_for(run: StrPath, run_id: str, key: str) -> Path:
    """Where the numbers of a prior belong: beside the run."""
    run = Path(run)
    return run.with_name(f"{PREFIX}{run_id}-{key}.json")


def read_generation(path: StrPath) -> Generation:
    """Read and check one; RecordError as `read_this_version`."""
    return read_this_version(path, Generation, "file of a prior", PROTOCOL, SCHEMA)


def read_generations(paths: Iterable[StrPath], problems: list[str]) -> dict[Path, Generation]:
    """Those stored in folders; a sentence for each file that had to be left out goes to `problems`."""
    files = (path for path in find_records(paths) if path.name.startswith(PREFIX))
    return dict(read_each(files, read_generation, problems))


Priors = Mapping[str, tuple[Path, Generation]]
"""By the ids of runs, what was measured of the prior on each, and where that is stored."""


def read_priors(paths: Iterable[StrPath], table_of: Mapping[str, str], problems: list[str]) -> Priors:
    """What is stored of the priors that tables and pictures show unless another is asked for.

    Args:
        table_of: As in `chosen`.
        problems: Gets a sentence for each file that is left out, and one where a table would have several priors: then
            there are none.
    """
    generations = read_generations(paths, problems)
    for path in [*generations]:
        try:
            read_arrays(path)
        except RecordError as error:
            problems.append(str(error))
            del generations[path]
    try:
        return chosen(generations, PRIOR, table_of)
    except ValueError as error:
        problems.append(f"priors: {error}")
        return {}


def chosen(generations: Mapping[Path, Generation], prior: str, table_of: Mapping[str, str]) -> Priors:
    """Those of one prior by the runs that they are on.

    Args:
        prior: A kind, "gpt", or the digest of a prior's settings.
        table_of: The runs to compare, and of each which table it stands in.

    Raises:
        ValueError: no prior has that digest, or a table would have priors of several settings.
    """
    fitting = {path: of for path, of in generations.items() if of.run in table_of and prior in (of.prior, of.settings)}
    if not fitting and prior not in get_args(PriorName):
        labels = sorted({of.label for of in generations.values() if of.run in table_of})
        raise ValueError(f"no prior {prior!r} is on these runs; there are: {'; '.join(labels) or 'none'}")
    kinds: dict[str, dict[str, str]] = {}
    for of in fitting.values():
        kinds.setdefault(table_of[of.run], {})[of.settings] = of.label
    for several in kinds.values():
        if len(several) > 1:
            raise ValueError(
                "there are several priors on these runs, and a table takes one: name it by --prior DIGEST. There are "
                + "; ".join(several.values())
            )
    return {of.run: (path, of) for path, of in fitting.items()}


def remark(generations: Sequence[Generation]) -> list[str]:
    """How the columns of priors were measured, and why some are empty."""
    empty = {f"{name} is empty: {reason}" for of in generations for name, reason in of.missing.items()}
    notes = {f"{name}: {note}" for of in generations for name, note in of.notes.items()}
    kinds = {
        f"modelled bits: {of.label}, {of.protocol}{'' if of.exact else ', a bound above them'}" for of in generations
    }
    return sorted(kinds) + sorted(empty) + sorted(notes)
