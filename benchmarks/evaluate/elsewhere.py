"""The record of what was trained elsewhere."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from benchmarks.protocols.reconstruction.measured import PROTOCOL
from benchmarks.records.record import ELSEWHERE, SCHEMA, Environment, QuantizerRecord, Record, TrainingRecord
from benchmarks.records.values import digest

NOT_TRAINED = TrainingRecord(
    images=0, steps=0, processes=0, seconds=0.0, images_per_second=None, data_images_per_second=None, losses={}
)
"""Nothing was trained here."""


def record_elsewhere(
    identifier: str,
    quantizer: QuantizerRecord,
    *,
    config: dict[str, Any],
    data: dict[str, Any],
    notes: dict[str, str],
    parameters: dict[str, int],
    environment: Environment,
    command: str,
    protocol: str = PROTOCOL,
) -> Record:
    """The record, but for what is measured. All of one protocol on equal pictures have equal settings, and so a table.

    Args:
        identifier: Name of its file.
        quantizer: Its name is what tables call the row.
        config: What is known of where it comes from.
        data: What the pictures or sounds are.
        protocol: Under which they are measured.
    """
    return Record(
        schema_version=SCHEMA,
        id=identifier,
        protocol=protocol,
        preset=ELSEWHERE,
        settings=digest(ELSEWHERE, protocol, data["fingerprint"]),
        changes={},
        seed=0,
        quantizer=quantizer,
        config=config,
        data=data,
        metrics={},
        missing={},
        notes=notes,
        speed={},
        parameters=parameters,
        training=NOT_TRAINED,
        environment=environment,
        command=command,
        training_images=0,
        created=datetime.now(timezone.utc),
        wall_seconds=0.0,
    )
