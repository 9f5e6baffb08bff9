"""Tables of films: their own columns and units, codecs on top, and what is said where these or blocks are better."""

from collections.abc import Callable
from pathlib import Path

from film_runs import store_film_run

from benchmarks.compare import Arguments, build, read
from benchmarks.records.record import Record, read_record, read_records
from benchmarks.tables import comparable, summaries


def the_table(folder: Path) -> summaries.Titled:
    given = Arguments((folder,))
    (titled,) = build(given, read(given)).tables
    return titled


def test_columns_and_order(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    for kbps in (40.0, 6.0):
        store_film_run(tmp_path, make_record, "h264", kbps=kbps)
    for seed in range(3):
        store_film_run(tmp_path, make_record, "fsq", seed, psnr=22.0 + 0.1 * seed)
    for name, psnr in (("kmeans", 20.0), ("lfq", 21.0), ("pca", 23.0)):
        store_film_run(tmp_path, make_record, name, psnr=psnr)
    titled = the_table(tmp_path)
    assert "16,000 training clips of films" in titled.title
    cells = titled.cells.map(lambda cell: cell.text)
    assert list(cells["quantizer"]) == ["pca", "h264 crf=40", "h264 crf=6", "kmeans", "fsq", "lfq"]
    columns = {"PSNR ↑", "clip PSNR ↑", "flicker ↓", "kbit/s", "bpp", "train frames/s", "encode frames/s"}
    assert columns <= set(cells)
    assert not {"SI-SDR ↑", "latency ms", "train img/s", "train × real time"} & set(cells)
    row = cells.set_index("quantizer").loc["fsq"]
    assert (row["kbit/s"], row["bpp"]) == ("7.00", "0.050")
    record = read_record(next(tmp_path.glob("fsq-*.json")))
    assert row["train frames/s"] == f"{9 * record.training.images_per_second:.0f}"


def test_it_is_said_where_blocks_or_a_codec_are_better(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    store_film_run(tmp_path, make_record, "kmeans", psnr=22.5)
    store_film_run(tmp_path, make_record, "fsq", psnr=22.0)
    store_film_run(tmp_path, make_record, "pca", psnr=25.0)
    store_film_run(tmp_path, make_record, "none", psnr=24.0)
    said = the_table(tmp_path).remark
    assert "none (24.00 dB) is not above pca (25.00 dB)" in said
    assert "at 10 bits no quantizer (22.00 dB at best) is above kmeans (22.50 dB)" in said
    assert "264" not in said
    store_film_run(tmp_path, make_record, "h264", kbps=8.0, psnr=30.0)  # at more bits
    assert "264" not in the_table(tmp_path).remark
    store_film_run(tmp_path, make_record, "h264", kbps=5.0, psnr=23.0)
    expected = "H264 crf=5 (5.00 kbit/s, PSNR 23.00) is not worse than every quantizer at 10 bits (7.00 kbit/s, 22.00"
    assert expected in the_table(tmp_path).remark


def test_rows_of_backbones_compete_at_equal_bits_a_second(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    (record,) = (record for _, record in read_records([store_film_run(tmp_path, make_record)])[0])
    row = comparable.across_backbones(record)
    assert row.rate == 7_000
    assert "bits per second" in row.group
    assert comparable.across_settings(record).rate == 10
