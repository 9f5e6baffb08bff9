"""The files of a prior and of what was drawn from it, stored beside the run whose tokenizer it is on.

prior-RUN-….json           a trained prior, and the bits that codes cost under it
prior-RUN-….npz            bits of each picture, training curves
prior-RUN-….safetensors    the prior
samples-RUN-….json         one sampling of a prior, and what was measured of its pictures; others lie beside it
samples-RUN-….npz, .png    its first pictures

Up to schema 1 one file, `prior-….json`, was both; it is read as the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.records.files import Frozen
from benchmarks.records.record import Environment, TrainingRecord
from benchmarks.records.values import digest
from storage.paths import StrPath

PROTOCOL = "generation/1"
SCHEMA = 2
PRIOR_PREFIX, SAMPLES_PREFIX = "prior-", "samples-"


class PriorRecord(Frozen):
    """One prior, trained on the codes of one run's tokenizer, and the bits that codes cost under it."""

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
    """Digest of the training's settings, and of what it was on where these are no crops of the run's pictures: equal
    digests are comparable."""
    changes: dict[str, Any]
    """Settings that differ from the preset's own; the token sets and the seed where they are not the run's."""
    config: dict[str, Any]
    layout: dict[str, Any]
    """How codes become tokens."""
    classes: int
    class_names: list[str]
    """By number; none where they are not known, as of records of schema 1."""
    seed: int
    data: dict[str, Any]
    metrics: dict[str, float | None]
    parameters: int
    training: TrainingRecord
    environment: Environment
    command: str
    created: datetime
    wall_seconds: float

    @property
    def numbers(self) -> dict[str, float | None]:
        """What of it has a column."""
        return {**self.metrics, "prior_parameters": self.parameters / 1e6}

    @property
    def label(self) -> str:
        """The prior in words."""
        changed = "".join(f", {name}={value}" for name, value in sorted(self.changes.items()))
        return f"{self.prior} of the preset {self.preset}{changed} ({self.settings})"


class SamplingRecord(Frozen):
    """Pictures drawn from a stored prior, and what was measured of them."""

    schema_version: int
    id: str
    protocol: str
    prior: str
    """The id of the prior."""
    run: str
    settings: str
    """Digest of what was drawn and how: samplings of several priors compare where it is equal."""
    changes: dict[str, Any]
    """Settings that differ from what the preset draws."""
    config: dict[str, Any]
    seed: int
    metrics: dict[str, float | None]
    missing: dict[str, str]
    notes: dict[str, str]
    generated: int
    references: int
    speed: dict[str, float | None]
    environment: Environment
    command: str
    created: datetime
    wall_seconds: float

    @property
    def numbers(self) -> dict[str, float | None]:
        """What of it has a column."""
        return {**self.metrics, **self.speed}


def path_for(run: StrPath, prefix: str, run_id: str, key: str) -> Path:
    """Where a prior, or a sampling of one, belongs: beside the run."""
    return Path(run).with_name(f"{prefix}{run_id}-{key}.json")


def sampling_digest(config: Mapping[str, Any]) -> str:
    """A short name of what is drawn: equal settings, equal names."""
    return digest(config, PROTOCOL)


def tokens_name(data: Mapping[str, Any]) -> str:
    """What the token sets are called that a prior is trained on, from what its record says of them."""
    return str(data["train"].get("name", "token set"))
