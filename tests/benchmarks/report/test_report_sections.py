"""What the report shows of stored runs: rows with their runs, values to sort by, pictures of the first seed."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from benchmarks.protocols.reconstruction.measured import PROTOCOL
from benchmarks.records.files import RecordError
from benchmarks.records.record import Record, read_records, write_record
from benchmarks.records.throughput import Throughput
from benchmarks.report import pictures
from benchmarks.report.page import markdown, page
from benchmarks.report.pictures import Samples, grids, read_samples
from benchmarks.report.sections import Section, sections


def the_section(folder: Path) -> Section:
    (section,) = sections(read_records([folder])[0])
    return section


def test_a_row_holds_its_runs_by_seed_and_the_numbers_behind_its_text(runs: Path) -> None:
    section = the_section(runs)
    rows = {row.name.partition(",")[0]: row for row in section.rows}
    assert [record.seed for _, record in rows["fsq"].runs] == [0, 1, 2]
    cell = rows["fsq"].cells[section.headings.index("PSNR ↑")]
    assert cell.text.startswith("18.50 ±")
    assert float(cell.value) == 18.5
    assert rows["vq"].cells[section.headings.index("encode img/s")].value == ""
    assert [row.name for row in section.rows if row.is_baseline] == ["block-mean", "none"]
    assert "rfid is empty: its weights are not at hand" in section.remarks


def test_speeds_of_methods_timed_together_replace_what_the_runs_said(
    tmp_path: Path, make_record: Callable[..., Record], throughput: Throughput
) -> None:
    write_record(tmp_path / "fsq.json", make_record(), {})
    (section,) = sections(read_records([tmp_path])[0], [throughput])
    assert section.rows[0].cells[section.headings.index("train img/s")].text == "7"
    assert "taking turns" in section.remarks[-1]


def test_each_rate_of_a_quantizer_is_a_row_with_its_own_runs(
    tmp_path: Path, make_record: Callable[..., Record]
) -> None:
    for bits in (8, 10):
        for seed in range(2):
            record = make_record("vq", seed, id=f"vq{bits}-{seed}", config={"bits": bits})
            for folder in ("one", "two"):  # a run that is stored twice counts once
                write_record(tmp_path / folder / f"{record.id}.json", record, {})
    rows = {row.name: row for row in the_section(tmp_path).rows}
    assert list(rows) == ["vq, 8 bits", "vq, 10 bits"]
    for bits in (8, 10):
        assert [record.id for _, record in rows[f"vq, {bits} bits"].runs] == [f"vq{bits}-0", f"vq{bits}-1"]


def test_what_cannot_be_compared_stands_in_sections_of_its_own(
    tmp_path: Path, make_record: Callable[..., Record]
) -> None:
    for protocol in (PROTOCOL, "reconstruction/0"):
        record = make_record("none", protocol=protocol)
        write_record(tmp_path / f"{protocol.replace('/', '')}.json", record, {})
    shown = sections(read_records([tmp_path])[0])
    assert [section.protocol for section in shown] == ["reconstruction/0", PROTOCOL]
    foreign = re.findall("The text of <code>(.*?)</code>", page([(section, []) for section in shown], left_out=0))
    assert foreign == ["reconstruction/0"]


def test_the_grid_has_the_originals_once_and_each_methods_first_seed(runs: Path) -> None:
    (grid,) = the_section(runs).grids
    assert [name for name, _ in grid.methods] == [row.name for row in the_section(runs).rows]
    assert [each.text for each in grid.originals] == [f"picture {number}, original" for number in (1, 2, 3)]
    fsq = dict(grid.methods)["fsq, 10 bits"]
    assert fsq[1].text == "picture 2, fsq, 10 bits, PSNR 11.00 dB"
    assert fsq[0].uri == pictures.picture_uri(np.full((3, 8, 8), 50, np.uint8))


def test_methods_that_saw_other_originals_stand_in_another_grid() -> None:
    def seen(value: int) -> Samples:
        grey = np.full((2, 3, 4, 4), value, np.uint8)
        return Samples(grey, grey, np.full(2, np.nan))

    shown = grids([("a", seen(0)), ("b", seen(1)), ("c", seen(0))])
    assert [[name for name, _ in grid.methods] for grid in shown] == [["a", "c"], ["b"]]
    assert shown[0].methods[0][1][0].text == "picture 1, a"


@pytest.mark.parametrize(("methods", "side"), [(33, 64), (5, 256), (100, 32)])
def test_a_grid_of_many_methods_stays_small_by_fewer_pictures(methods: int, side: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 3, side, side), dtype=np.uint8)
    (grid,) = grids([(str(number), Samples(noise, noise, np.full(8, np.nan))) for number in range(methods)])
    assert sum(len(each.uri) for _, line in grid.methods for each in line) < 1.5 * pictures.GRID_BYTES
    assert 1 <= len(grid.originals) == len(grid.methods[0][1]) <= 8


def test_a_plot_is_a_drawing_unless_that_is_large() -> None:
    figure = Figure(figsize=(4, 4))
    panel = figure.subplots()
    panel.plot([1, 2])
    assert pictures.figure_uri(figure).startswith("data:image/svg+xml;base64,")
    panel.scatter(range(5_000), np.random.default_rng(0).normal(size=5_000))
    large = pictures.figure_uri(figure)
    assert large.startswith("data:image/webp;base64,")
    assert len(large) < pictures.VECTOR_BYTES


def test_bad_arrays_are_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    assert read_samples(path) is None
    good = np.zeros((2, 3, 4, 4), np.uint8)
    for arrays, reason in [
        ({"samples/original": good}, "not pairs"),
        ({"samples/original": good, "samples/reconstruction": good[:1]}, "not pairs"),
        ({"samples/original": good[0], "samples/reconstruction": good[0]}, "of shape"),
        ({"samples/original": good * 1.0, "samples/reconstruction": good * 1.0}, "uint8"),
    ]:
        np.savez(path.with_suffix(".npz"), **arrays)
        with pytest.raises(RecordError, match=reason):
            read_samples(path)
    np.savez_compressed(path.with_suffix(".npz"), **{name: np.arange(10**5) for name in ("samples/original", "b")})
    whole = path.with_suffix(".npz").read_bytes()
    for broken in (b"", b"no archive", whole[: len(whole) // 2], whole[:500] + bytes(500) + whole[1000:]):
        path.with_suffix(".npz").write_bytes(broken)
        with pytest.raises(RecordError, match=r"run\.npz: not a readable file of a run's arrays"):
            read_samples(path)


def test_markdown_becomes_html_below_the_pages_own_headings() -> None:
    html = markdown("# One\n\n## Two\n\n| a | b |\n| --- | --- |\n| `x` | <b>y</b> |\n", below=2)
    assert "<h3>One</h3>" in html
    assert "<h4>Two</h4>" in html
    assert "<td><code>x</code></td>" in html
    assert "&lt;b&gt;y&lt;/b&gt;" in html
