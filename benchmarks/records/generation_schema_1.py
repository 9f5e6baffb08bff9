"""Files of priors up to schema 1, which held one sampling each: its settings were part of the training's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from benchmarks.records.files import Frozen, RecordError, read_this_version
from benchmarks.records.generation import PROTOCOL, PriorRecord, SamplingRecord, sampling_digest, tokens_name
from benchmarks.records.record import Environment, TrainingRecord
from benchmarks.records.values import digest
from storage.paths import StrPath

SCHEMA = 1

OF_BITS = ("nll_bits", "nll_bpp", "train_nll_bits", "nll_gap")
"""Metrics of the prior; all others are of the pictures."""


class FirstRecord(Frozen):
    """One such file; the fields mean what they mean in the records of today."""

    schema_version: int
    id: str
    protocol: str
    run: str
    tokenizer: str
    preset: str
    prior: str
    exact: bool
    settings: str
    changes: dict[str, Any]
    config: dict[str, Any]
    layout: dict[str, Any]
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
    def _trained(self) -> dict[str, Any]:
        return {name: value for name, value in self.config.items() if name != "generation"}

    @property
    def _drawn(self) -> dict[str, Any]:
        return {**self.config["generation"], "seed": None, "classes": []}

    @property
    def _other_seed(self) -> int | None:
        """The seed where it was not the run's: the old digest was made with it."""
        whole = digest(self.prior, self.config, self.protocol)
        return None if digest(whole, self._tokens, None) == self.settings else self.seed

    @property
    def _tokens(self) -> dict[str, Any] | None:
        """What the token sets were of; those of a run's pictures have a name."""
        return None if "name" in self.data else self.data

    def trained(self) -> PriorRecord:
        """The prior, its settings named as those of one that is trained today."""
        whole = digest(self.prior, self._trained, self.protocol)
        changed = {name: value for name, value in self.changes.items() if not name.startswith("generation.")}
        if self._tokens is not None:
            changed["train_tokens"] = tokens_name(self._tokens)
        if self._other_seed is not None:
            changed["seed"] = self._other_seed
        shared = set(PriorRecord.model_fields) & set(type(self).model_fields)
        values = {name: getattr(self, name) for name in shared}
        values |= {
            "settings": digest(whole, self._tokens, self._other_seed),
            "changes": changed,
            "config": self._trained,
            "class_names": [],
            "metrics": {name: value for name, value in self.metrics.items() if name in OF_BITS},
        }
        return PriorRecord(**values)

    def drawn(self) -> SamplingRecord:
        """What was drawn."""
        shared = set(SamplingRecord.model_fields) & set(type(self).model_fields)
        values = {name: getattr(self, name) for name in shared}
        values |= {
            "prior": self.id,
            "settings": sampling_digest(self._drawn),
            "changes": {name: value for name, value in self.changes.items() if name.startswith("generation.")},
            "config": self._drawn,
            "metrics": {name: value for name, value in self.metrics.items() if name not in OF_BITS},
        }
        return SamplingRecord(**values)


def read(path: StrPath) -> tuple[PriorRecord, SamplingRecord]:
    """What stands in such a file; RecordError as `read_this_version`."""
    record = read_this_version(path, FirstRecord, "file of a prior", PROTOCOL, SCHEMA)
    if not isinstance(record.config.get("generation"), dict):
        raise RecordError(f"{path}: not a valid file of a prior: config says nothing of generation")
    return record.trained(), record.drawn()
