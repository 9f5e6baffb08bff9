"""The table of stability: what stands in its cells, and what may stand in one table."""

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.records.record import Record
from benchmarks.records.stability import PROTOCOL, SCHEMA, Change, Replaced, Stability
from benchmarks.tables.stability import tables


@pytest.fixture
def stored(make_record: Callable[..., Record]) -> Callable[..., Stability]:
    def make(lost: float = 0.25, **other: Any) -> Stability:
        record = make_record()
        known = {
            "schema_version": SCHEMA,
            "protocol": PROTOCOL,
            "tokenizer": record.id,
            "preset": record.preset,
            "quantizer": record.quantizer,
            "backbone": "VQGAN",
            "data": {"name": "noise", "fingerprint": "of noise", "test": {"pictures": 4}},
            "batch_size": 32,
            "psnr": 20.0,
            "changes": [Change(name="JPEG 90", changed=0.125, psnr_lost=lost)],
            "replaced": [Replaced(share=0.05, psnr=19.0)],
            "invariant_price": 2.0,
            "missing": {"ONNX": "no onnx here"},
            "environment": record.environment,
            "command": "python -m benchmarks.stability RUN.json",
            "created": record.created,
            "wall_seconds": 1.0,
        }
        return Stability.model_validate(known | other)

    return make


@pytest.mark.parametrize(("lost", "shown"), [(0.25, "0.25"), (-0.25, "−0.25"), (0.001, "0.00"), (-0.001, "0.00")])
def test_what_a_change_costs(stored: Callable[..., Stability], lost: float, shown: str) -> None:
    (table,) = tables([stored(lost)])
    cells = {name: column[0].text for name, column in table.cells.items()}
    assert cells["JPEG 90"] == f"12.5 ({shown})"
    assert cells["ONNX"] == "–"
    assert (cells["5% replaced"], cells["invariant ×"]) == ("19.00", "2.00")


def test_what_was_measured_otherwise_stands_apart(stored: Callable[..., Stability]) -> None:
    same = stored(tokenizer="another")
    in_batches = stored(batch_size=8)
    other_pictures = stored(data={**same.data, "fingerprint": "of others"})
    assert [len(table.cells) for table in tables([stored(), same, in_batches, other_pictures])] == [2, 1, 1]
