"""Tables of sounds: their own columns and units, codecs on top, and what is said where these are better."""

from collections.abc import Callable
from pathlib import Path

from sound_runs import store_sound_run

from benchmarks.compare import Arguments, build, read
from benchmarks.records.record import Record, read_records
from benchmarks.tables import comparable, summaries
from benchmarks.tables.remarks import remarks


def the_table(folder: Path, **arguments: object) -> summaries.Titled:
    given = Arguments((folder,), **arguments)
    (titled,) = build(given, read(given)).tables
    return titled


def test_columns_and_order(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    store_sound_run(tmp_path, make_record, "opus", kbps=6.0, mel_distance=2.1)
    store_sound_run(tmp_path, make_record, "opus", kbps=12.0, mel_distance=0.7)
    for seed in range(3):
        store_sound_run(tmp_path, make_record, "rq", seed, mel_distance=1.8 + 0.01 * seed)
    store_sound_run(tmp_path, make_record, "mdct-kmeans", mel_distance=2.0)
    store_sound_run(tmp_path, make_record, "lfq", mel_distance=1.9)
    titled = the_table(tmp_path)
    assert "16,000 training crops of sounds" in titled.title
    cells = titled.cells.map(lambda cell: cell.text)
    assert list(cells["quantizer"]) == ["opus kbps=12", "opus kbps=6", "mdct-kmeans", "rq", "lfq"]
    assert {"SI-SDR ↑", "mel ↓", "kbit/s", "encode × real time", "latency ms"} <= set(cells)
    assert not {"PSNR ↑", "bpp", "train img/s"} & set(cells)
    row = cells.set_index("quantizer").loc["rq"]
    assert (row["kbit/s"], row["train × real time"]) == ("3.00", "80")
    assert cells.set_index("quantizer").loc["opus kbps=6", "params M"] == "–"


def test_pictures_beside_sounds_keep_their_columns(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    store_sound_run(tmp_path, make_record)
    (tmp_path / "picture.json").write_text(make_record().model_dump_json())
    given = Arguments((tmp_path,))
    tables = {titled.title.split(" · ")[1]: titled.cells for titled in build(given, read(given)).tables}
    assert "PSNR ↑" in tables["preset quick"]
    assert "SI-SDR ↑" not in tables["preset quick"]
    assert "SI-SDR ↑" in tables["preset speech-quick"]


def test_it_is_said_where_a_transform_or_a_codec_is_better(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    store_sound_run(tmp_path, make_record, "mdct-kmeans", mel_distance=1.7)
    store_sound_run(tmp_path, make_record, "rq", mel_distance=1.8, pesq=1.5)
    store_sound_run(tmp_path, make_record, "opus", kbps=6.0, pesq=2.0)
    said = the_table(tmp_path).remark
    assert "at 60 bits no quantizer (mel 1.800 at best) is below mdct-kmeans (1.700)" in said
    assert "pus" not in said  # at twice the bits
    store_sound_run(tmp_path, make_record, "rq", bits=120, kbps=6.0, mel_distance=1.0, pesq=1.9)
    said = the_table(tmp_path).remark
    assert "Opus kbps=6 (6.00 kbit/s, PESQ 2.00) is not worse than every quantizer at 120 bits" in said
    for path in tmp_path.glob("rq-120*"):
        path.unlink()
    store_sound_run(tmp_path, make_record, "rq", bits=120, kbps=6.0, mel_distance=1.0, pesq=2.1)
    assert "pus" not in the_table(tmp_path).remark


def test_codecs_are_explained_once(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    for kbps in (6.0, 12.0):
        store_sound_run(tmp_path, make_record, "opus", kbps=kbps)
    records = [record for _, record in read_records([tmp_path])[0]]
    (line,) = (line for line in remarks(records) if line.startswith("Baselines"))
    assert line.count("opus:") == 1


def test_rows_of_backbones_compete_at_equal_bits_a_second(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    path = store_sound_run(tmp_path, make_record)
    (record,) = (record for _, record in read_records([path])[0])
    row = comparable.across_backbones(record)
    assert row.rate == 3_000
    assert "bits per second" in row.group
