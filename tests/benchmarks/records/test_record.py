"""Stored runs: what is written is read back, and what is no run is named and left out."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.records.arrays import read_arrays
from benchmarks.records.files import RecordError
from benchmarks.records.record import SCHEMA, Record, read_record, read_records, write_record


def test_a_record_and_its_arrays_come_back(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    record = make_record()
    arrays = {"image/psnr": np.arange(5.0), "samples/original": np.zeros((2, 3, 4, 4), np.uint8)}
    path = tmp_path / "new" / "run.json"
    write_record(path, record, arrays)
    assert read_record(path) == record
    back = read_arrays(path)
    assert back.keys() == arrays.keys()
    for name, values in arrays.items():
        np.testing.assert_array_equal(back[name], values)
        assert back[name].dtype == values.dtype


def _damaged(record: Record, damage: str) -> str:
    values = json.loads(record.model_dump_json())
    if damage == "future":
        values["schema_version"] = SCHEMA + 1
    elif damage == "lacks":
        del values["metrics"]
    elif damage == "type":
        values["metrics"]["psnr"] = "high"
    elif damage == "foreign":
        values = {"name": "someone's package.json"}
    elif damage == "list":
        values = [1, 2]
    text = json.dumps(values)
    return text[: len(text) // 2] if damage == "truncated" else text


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("future", "newer version"),
        ("lacks", "metrics: Field required"),
        ("type", "metrics.psnr"),
        ("foreign", "no schema_version"),
        ("list", "no schema_version"),
        ("truncated", "not a readable JSON file"),
    ],
)
def test_what_is_no_run_is_named_and_the_rest_is_read(
    tmp_path: Path, make_record: Callable[..., Record], damage: str, said: str
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "sub" / "bad.json"
    write_record(good, make_record(), {})
    bad.parent.mkdir()
    bad.write_text(_damaged(make_record(), damage))
    with pytest.raises(RecordError, match=said):
        read_record(bad)
    records, problems = read_records([tmp_path])
    assert [path for path, _ in records] == [good]
    assert len(problems) == 1
    assert str(bad) in problems[0]
