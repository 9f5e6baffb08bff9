"""Stored runs: this version still reads each as what it was made from."""

import re
from pathlib import Path

import pytest

from benchmarks.records.record import read_records
from benchmarks.training.stored import configuration

RESULTS = Path(__file__).parents[3] / "results"


@pytest.mark.parametrize("folder", ["quick", "cpu", "recipe", "deferred"])
def test_every_stored_run_has_a_configuration_of_this_version(folder: str) -> None:
    stored, problems = read_records([RESULTS / folder])
    assert problems == []
    runs = [(path, record) for path, record in stored if record.is_run]
    assert runs
    for path, record in runs:
        assert configuration(path, record).quantizer == record.quantizer.name


def test_no_stored_run_names_a_folder_of_one_machine() -> None:
    """Data that are no part of the project are named from beside it."""
    paths = sorted(RESULTS.rglob("*.json"))
    assert len(paths) > 100
    assert [path.name for path in paths if re.search(r'[" ]/\w+/', path.read_text(encoding="utf-8"))] == []
