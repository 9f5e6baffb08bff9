"""Tables: means over seeds, never a mix of what cannot be compared."""

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rated_records import bound_to, rated
from rich.console import Console
from scipy import stats

from benchmarks.records.record import Record, write_record
from benchmarks.tables import formats, summaries
from benchmarks.tables.columns import BY_NAME


def test_seeds_become_a_mean_and_a_standard_deviation(make_record: Callable[..., Record]) -> None:
    records = [make_record(seed=seed, psnr=psnr) for seed, psnr in enumerate((18.0, 19.0, 20.0))]
    summary = summaries.summarise(summaries.to_frame(records))
    assert len(summary) == 1
    assert summary["seeds"][0] == 3
    assert summary["PSNR ↑"][0] == pytest.approx(19.0)
    assert summary["PSNR ↑ std"][0] == pytest.approx(1.0)
    assert texts(summary)["PSNR ↑"][0] == "19.00"  # no interval without what the pictures say


def texts(summary: pd.DataFrame) -> pd.DataFrame:
    """What the only table of a summary says."""
    (titled,) = summaries.comparison(summary)
    return titled.cells.map(lambda cell: cell.text)


def test_intervals_are_over_seeds_and_pictures(make_record: Callable[..., Record]) -> None:
    records = [make_record(seed=seed, psnr=psnr) for seed, psnr in enumerate((18.0, 19.0, 20.0))]
    still = {record.id: {"psnr": np.full(100, record.metrics["psnr"])} for record in records}
    summary = summaries.summarise(summaries.to_frame(records), still.__getitem__)
    half = stats.t.ppf(0.975, 2) / 3**0.5
    assert summary["PSNR ↑ ±"][0] == pytest.approx(half)
    assert texts(summary)["PSNR ↑"][0] == f"19.00 ± {half:.2f}"
    noise = 3 * np.random.default_rng(0).standard_normal(100)
    moved = {run: {"psnr": values["psnr"] + noise} for run, values in still.items()}
    assert summaries.summarise(summaries.to_frame(records), moved.__getitem__)["PSNR ↑ ±"][0] > half
    assert texts(summary)["encode img/s"][0] == "100"


def test_one_seed_shows_no_spread_and_an_unmeasured_column_is_left_out(make_record: Callable[..., Record]) -> None:
    text = texts(summaries.summarise(summaries.to_frame([make_record()])))
    assert text["PSNR ↑"][0] == "20.00"
    assert "rFID ↓" not in text


def test_the_best_of_each_rate_and_what_cannot_be_told_from_it_stand_out(make_record: Callable[..., Record]) -> None:
    quality = {
        ("none", 10): 30.0,
        ("fsq", 10): 20.0,
        ("vq", 10): 20.001,
        ("lfq", 10): 10.0,
        ("lfq", 12): 11.0,
        ("vq", 12): 9.0,
    }
    records, resampled = [], {}
    for (name, bits), psnr in quality.items():
        for seed, shift in enumerate((-0.1, 0.0, 0.1)):
            record = rated(make_record(name, seed=seed, psnr=psnr + shift), bits)
            records.append(record)
            resampled[record.id] = {"psnr": np.full(100, psnr + shift)}
    summary = summaries.summarise(summaries.to_frame(records), resampled.__getitem__)
    marks = dict(zip(zip(summary["name"], summary["rate"], strict=True), summary["PSNR ↑ best"], strict=True))
    assert {row for row, best in marks.items() if best} == {("fsq", 10), ("vq", 10), ("lfq", 12)}
    ten, twelve = summaries.matrices(summaries.to_frame(records), BY_NAME["psnr"], resampled.__getitem__)
    assert "10 bits" in ten.title
    assert list(twelve.cells.columns) == ["row − column", "none", "lfq", "vq"]
    beats = dict(zip(twelve.cells["row − column"].map(lambda cell: cell.text), twelve.cells["vq"], strict=True))
    assert beats["lfq"].bold
    assert beats["lfq"].text.startswith("+2.00 ± ")
    assert beats["vq"].text == "–"
    against = dict(zip(ten.cells["row − column"].map(lambda cell: cell.text), ten.cells["fsq"], strict=True))
    assert not against["vq"].bold
    assert against["lfq"].text.startswith("−10.00")
    assert not against["lfq"].bold  # it is beaten


def test_a_run_that_is_stored_twice_counts_once(make_record: Callable[..., Record]) -> None:
    summary = summaries.summarise(
        summaries.to_frame([make_record(psnr=18), make_record(psnr=18), make_record(seed=1, psnr=21)])
    )
    assert summary["seeds"][0] == 2
    assert summary["PSNR ↑"][0] == pytest.approx(19.5)


@pytest.mark.parametrize(
    "difference",
    [
        {"protocol": "reconstruction/2"},
        {"preset": "cpu"},
        {"settings": "another digest"},
        {"data": {"name": "kodak", "source": "kodak", "fingerprint": "g"}},
    ],
)
def test_what_cannot_be_compared_stands_in_tables_of_its_own(
    make_record: Callable[..., Record], difference: dict[str, object]
) -> None:
    summary = summaries.summarise(summaries.to_frame([make_record(), make_record("lfq", **difference)]))
    assert [len(part) for _, part in summaries.groups(summary)] == [1, 1]


def test_baselines_first_then_by_psnr(make_record: Callable[..., Record]) -> None:
    rows = [("fsq", 18.7), ("none", 19.6), ("lfq", 18.2), ("block-mean", 17.8), ("vq", 18.9)]
    summary = summaries.summarise(summaries.to_frame([make_record(name, psnr=psnr) for name, psnr in rows]))
    assert list(summary["name"]) == ["block-mean", "none", "vq", "fsq", "lfq"]


def test_options_and_rates_make_rows_of_their_own(make_record: Callable[..., Record]) -> None:
    plain = make_record("vq")
    with_option = make_record("vq", quantizer=plain.quantizer.model_copy(update={"options": {"decay": 0.9}}))
    other_rate = make_record("vq", quantizer=plain.quantizer.model_copy(update={"bits_per_position": 12.0}))
    summary = summaries.summarise(summaries.to_frame([plain, with_option, other_rate]))
    assert len(summary) == 3


@pytest.mark.parametrize("width", [80, 120, 400])
def test_a_narrow_terminal_gets_several_tables_and_every_number(make_record: Callable[..., Record], width: int) -> None:
    summary = summaries.summarise(summaries.to_frame([make_record(), make_record("vq-ema", seed=1)]))
    console = Console(width=width, file=io.StringIO())
    formats.print_tables(summaries.comparison(summary), console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in shown
    assert max(map(len, shown.splitlines()[1:-1])) <= width  # the title and the remark may be longer
    text = texts(summary)
    assert all(heading in shown for heading in text.columns)
    assert all(value in shown for value in text.to_numpy().ravel())


def test_a_hundred_thousand_runs_in_bounded_memory(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    """Of a run only numbers are kept: the same few strings serve all."""
    record, count = make_record(), 2_000
    frame = summaries.to_frame(record.model_copy(update={"seed": seed, "id": str(seed)}) for seed in range(count))
    tracemalloc.start()
    summaries.to_frame(record.model_copy(update={"seed": seed, "id": str(seed)}) for seed in range(count))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(frame) == count
    assert peak / count < 10_000  # bytes: a gigabyte for a hundred thousand


def test_baselines_stand_first_and_kmeans_at_the_head_of_its_rate(make_record: Callable[..., Record]) -> None:
    record = make_record()
    records = [rated(make_record(name, psnr=20.0), bits) for bits in (12, 10) for name in ("fsq", "lfq")]
    records += [bound_to(record, "kmeans", psnr, bits) for bits, psnr in ((12, 21.0), (10, 19.0))]
    records += [bound_to(record, "none", 25.0, None), bound_to(record, "pca", 24.0, None)]
    records.append(bound_to(record, "block-mean", 17.0, None, images=0))
    summary = summaries.summarise(summaries.to_frame(records))
    assert summary["quantizer"].to_list() == [
        *("block-mean", "pca", "none"),
        *("kmeans", "fsq", "lfq"),
        *("kmeans", "fsq", "lfq"),
    ]
    assert summary["rate"].to_list() == [0, 0, 0, 10, 10, 10, 12, 12, 12]
    assert not summary["PSNR ↑ best"].any()  # of one seed


def test_one_picture_has_no_interval(make_record: Callable[..., Record], tmp_path: Path) -> None:
    record = bound_to(make_record(), "kmeans", 19.0, 10)
    for pictures, shown in ((1, "19.00"), (2, "19.00 ± 0.00")):
        path = tmp_path / f"{pictures}.json"
        write_record(path, record, {"image/psnr": np.full(pictures, 19.0)})
        summary = summaries.summarise(summaries.to_frame([record]), summaries.stored_resamples({record.id: [path]}))
        assert texts(summary)["PSNR ↑"][0] == shown


def test_a_baseline_has_no_seeds_that_differ(make_record: Callable[..., Record]) -> None:
    """Its interval is over pictures alone, though it was fitted on some."""
    record = bound_to(make_record(), "kmeans", 19.0, 10)
    moved = {"psnr": 19.0 + np.random.default_rng(0).standard_normal(100)}
    summary = summaries.summarise(summaries.to_frame([record]), lambda run: moved)
    assert summary["PSNR ↑ ±"][0] == pytest.approx(stats.t.ppf(0.975, 99) * moved["psnr"].std(ddof=1))


def test_a_matrix_says_how_small_a_difference_it_resolves(make_record: Callable[..., Record]) -> None:
    records = [
        rated(make_record(name, seed=seed, psnr=20 + shift + spread * (seed - 1)), 10)
        for name, shift, spread in (("fsq", 0.0, 0.1), ("lfq", 1.0, 0.1), ("vq", 2.0, 0.0))
        for seed in range(3)
    ]
    still = {record.id: {"psnr": np.full(100, record.metrics["psnr"])} for record in records}
    frame = summaries.to_frame(records)
    (titled,) = summaries.matrices(frame, BY_NAME["psnr"], still.__getitem__)
    width = stats.t.ppf(0.975, 4) * 0.1 * (2 / 3) ** 0.5  # between the two that vary
    alone = stats.t.ppf(0.975, 2) * 0.1 / 3**0.5
    assert f"{alone:.2f} in the middle of all pairs, {max(width, alone):.2f} at most" in titled.remark
    (unknown,) = summaries.matrices(frame, BY_NAME["psnr"], lambda run: {})
    assert unknown.remark == ""
