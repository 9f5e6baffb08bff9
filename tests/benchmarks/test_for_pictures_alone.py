"""What knows pictures alone passes over runs of other signals."""

from collections.abc import Callable
from pathlib import Path

import pytest
from film_runs import store_film_run
from sound_runs import store_sound_run

from benchmarks.records.record import Record
from benchmarks.throughput.__main__ import main as throughput

Store = Callable[..., Path]

STORES = pytest.mark.parametrize(("store", "signal"), [(store_sound_run, "sounds"), (store_film_run, "films")])


@STORES
def test_throughput_passes_over_them(
    store: Store,
    signal: str,
    tmp_path: Path,
    make_record: Callable[..., Record],
    capsys: pytest.CaptureFixture[str],
) -> None:
    store(tmp_path, make_record)
    assert throughput([str(tmp_path)]) == 2
    assert "no stored run on pictures in" in " ".join(capsys.readouterr().err.split())
