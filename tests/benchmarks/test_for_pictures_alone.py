"""Commands that do not know a signal refuse runs of it, in a sentence that names it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from film_runs import store_film_run
from sound_runs import store_sound_run

from benchmarks.compress.__main__ import main as compress
from benchmarks.generate.__main__ import main as generate
from benchmarks.records.record import Record
from benchmarks.throughput.__main__ import main as throughput
from benchmarks.tokens.__main__ import main as tokens

Store = Callable[..., Path]

STORES = pytest.mark.parametrize(("store", "signal"), [(store_sound_run, "sounds"), (store_film_run, "films")])


@pytest.mark.parametrize(
    ("command", "store", "signal"),
    [
        (generate, store_film_run, "films"),
        (tokens, store_film_run, "films"),
        (compress, store_film_run, "films"),
    ],
)
def test_a_run_of_another_signal_is_refused(
    command: Callable[..., int],
    store: Store,
    signal: str,
    tmp_path: Path,
    make_record: Callable[..., Record],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = store(tmp_path, make_record)
    words = {
        generate: ["--run", str(path)],
        tokens: ["--run", str(path), "--data", "photographs", "--output", str(tmp_path / "tokens")],
        compress: ["encode", "picture.png", "--run", str(path), "--output", str(tmp_path)],
    }[command]
    assert command(words) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"a tokenizer of {signal}, where this command takes those of pictures" in said


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
