"""Tables and pictures of made-up measurements of compression."""

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.plots.compression import figures
from benchmarks.records.compression import (
    CodecCoder,
    Compression,
    Point,
    Sample,
    TokenizerCoder,
    read_compression,
    read_compressions,
    write_compression,
)
from benchmarks.records.record import OtherProtocolError, QuantizerRecord, Record, read_record
from benchmarks.tables.compression import curve, groups, in_decibels, tables, to_frame

RATES = (0.2, 0.5, 1.0, 2.0)


@pytest.fixture
def make(make_record: Callable[..., Record]) -> Callable[..., Compression]:
    """A valid measurement: PSNR of 30 dB at one bit per pixel, 6 dB for each doubling."""

    def point(name: str, rate: float, **metrics: float | None) -> Point:
        psnr = 30 + 6 * np.log2(rate)
        common = {"bytes": 1000 * rate, "bpp": rate, "psnr": psnr, "ssim": 0.9, "ms_ssim": 1 - 10 ** (-psnr / 20)}
        seconds = {"encode_seconds": 0.01, "decode_seconds": 0.02, "peak_memory_megabytes": None}
        return Point(name=name, setting={"quality": 1}, metrics={**common, "ssimulacra2": psnr, **seconds, **metrics})

    def compression(name: str = "jpeg", rates: tuple[float, ...] = RATES, **fields: Any) -> Compression:
        record = make_record()
        values: dict[str, Any] = {
            "schema_version": 1,
            "protocol": "compression/1",
            "id": f"{name}-0123456789",
            "coder": fields.get("coder")
            or CodecCoder(name=name, heading=name.upper(), settings={"effort": 7}, software={"pillow": "13"}),
            "points": tuple(point(f"quality {index}", rate) for index, rate in enumerate(rates)),
            "missing": {},
            "data": {"name": "pictures", "pictures": 3, "fingerprint": "f"},
            "samples": (),
            "environment": record.environment,
            "command": "python -m benchmarks.compress measure",
            "created": datetime(2026, 1, 1, tzinfo=timezone.utc),
            "wall_seconds": 1.0,
        }
        return Compression(**{**values, **fields})

    return compression


@pytest.fixture
def tokenizer(make: Callable[..., Compression], make_record: Callable[..., Record]) -> Callable[..., Compression]:
    """The same of a tokenizer at one rate, with crops."""

    def compression(model: str = "histogram", budget: int = 100, **fields: Any) -> Compression:
        coder = TokenizerCoder(
            run="fsq-10bit-seed0-1",
            label="fsq 10 bits (quick)",
            quantizer=QuantizerRecord(**make_record().quantizer.model_dump()),
            model=model,
            model_label=model,
            fingerprint="t",
            digest=model,
        )
        sample = Sample(
            picture="a.png",
            box=(0, 0, 8, 8),
            budget=budget,
            bytes={"jpeg": 90, "avif": 120},
            quality={"jpeg": 3, "avif": 0},
        )
        return make(f"fsq-{model}", **{"coder": coder, "samples": (sample,), "rates": (0.4,), **fields})

    return compression


CROPS = {f"samples/{name}/0": np.zeros((8, 8, 3), np.uint8) for name in ("original", "coded", "jpeg", "avif")}


def _cells(table: Any) -> dict[str, dict[str, str]]:
    return {
        row[0].text: dict(zip(table.cells.columns, (cell.text for cell in row), strict=True))
        for row in table.cells.values
    }


def test_curves_are_compared_with_jpeg_and_reasons_stand_for_numbers(make, tokenizer) -> None:
    half = make("webp", rates=(0.1, 0.25, 0.5, 1.0))
    half = half.model_copy(
        update={
            "points": tuple(
                of.model_copy(update={"metrics": {**of.metrics, "psnr": of.metrics["psnr"] + 6}}) for of in half.points
            )
        }
    )
    (group,) = groups([tokenizer(), half, make()])
    curves = _cells(tables(group, short=False)[0])
    assert list(curves) == ["JPEG", "WEBP"]  # the tokenizer has one rate
    assert curves["WEBP"]["PSNR, dB ↓"] == "-50.0"
    assert curves["JPEG"]["PSNR, dB ↓"] == "+0.0"
    assert curves["WEBP"]["SSIMULACRA 2 ↓"] == "– (53 % shared)"
    assert curves["WEBP"]["bits/pixel"] == "0.100–1.000"


def test_each_rate_is_compared_with_jpeg_at_equal_psnr(make, tokenizer) -> None:
    worse = tokenizer()
    point = worse.points[0]
    worse = worse.model_copy(
        update={"points": (point.model_copy(update={"metrics": {**point.metrics, "psnr": 24.0}}),)}  # JPEG's at 0.5
    )
    frame = to_frame([make(), worse])
    assert frame["over_anchor"].iloc[-1] == pytest.approx(-20, abs=0.5)
    assert frame["over_anchor"].iloc[:-1].isna().all()
    assert to_frame([worse])["over_anchor"].isna().all()


def test_the_short_form_has_the_lowest_rate_of_codecs_and_all_of_tokenizers(make, tokenizer) -> None:
    group = [make(), tokenizer()]
    assert len(tables(group, short=False)[1].cells) == 5
    short = _cells(tables(group, short=True)[1])
    assert list(short) == ["JPEG, quality 0", "fsq 10 bits (quick), histogram, quality 0"]
    assert "peak MB ↓" not in short["JPEG, quality 0"]  # nobody has one
    assert "coder's overhead % ↓" not in short["JPEG, quality 0"]


def test_what_is_missing_is_said_below(make) -> None:
    first, second = make(missing={"lpips": "no weights"}), make("webp", missing={"b": "busy", "a": "busy"})
    table = tables([first, second], short=False)[1]
    assert table.remark == "Where there is no a, b: busy; Where there is no lpips: no weights"


def test_other_pictures_are_another_table_and_kodak_has_what_others_published(make) -> None:
    kodak = make(data={"name": "kodak", "pictures": 24, "fingerprint": "k"})
    found = groups([kodak, make()])
    assert [group[0].data["name"] for group in found] == ["kodak", "pictures"]
    titles = [[table.title for table in tables(group, short=True)] for group in found]
    assert [len(each) for each in titles] == [3, 2]
    assert "not measured here" in titles[0][2]
    elsewhere = _cells(tables(found[0], short=True)[2])
    assert elsewhere["VTM (H.266 reference software)"]["bits/pixel"] == "0.048–3.633"


def test_ms_ssim_is_compared_in_decibels(make) -> None:
    assert in_decibels([0.9, 0.99]) == pytest.approx([10, 20])
    assert curve(make(), "ms_ssim").qualities == pytest.approx([of / 2 for of in curve(make(), "psnr").qualities])


def test_pictures_are_of_curves_and_of_the_smallest_files(make, tokenizer, tmp_path: Path) -> None:
    records = {"jpeg": make(), "one": tokenizer(), "two": tokenizer("gpt", 80)}
    for name, record in records.items():
        write_compression(tmp_path / f"{name}.json", record, CROPS if record.samples else {})
    stored, problems = read_compressions(tmp_path)
    assert problems == []
    drawn = {stem: figure for stem, _, figure in figures(stored)}
    assert list(drawn) == ["compression-pictures", "compression-pictures-fsq-gpt-0123456789"]
    crops = [panel.get_xlabel() for panel in drawn["compression-pictures-fsq-gpt-0123456789"].axes]
    assert crops == ["a.png", "80 bytes", "90 bytes (its fewest)", "120 bytes (its fewest)"]
    panels = drawn["compression-pictures"].axes
    assert [panel.get_ylabel() for panel in panels] == ["PSNR, dB", "MS-SSIM, dB", "SSIMULACRA 2"]
    looks = {(line.get_color(), line.get_fillstyle(), line.get_linestyle()) for line in panels[0].get_lines()}
    assert len(looks) == 3


def test_one_line_goes_through_runs_that_differ_in_their_rate_alone(make, tokenizer, tmp_path: Path) -> None:
    def run(name: str, rate: float, preset: str | None, model: str = "histogram") -> Compression:
        record = tokenizer(model, rates=(rate,), id=name, samples=())
        changes = {"preset": preset, "label": f"{name} ({preset})"}
        return record.model_copy(update={"coder": record.coder.model_copy(update=changes)})

    records = [
        *(run(f"fsq {bits} bits", bits / 50, "quick") for bits in (12, 8, 10)),
        run("fsq 10 bits", 0.3, "cpu"),
        run("fsq 10 bits", 0.2, "quick", "gpt"),
        run("old 10 bits", 0.2, None),
        make(),
    ]
    for record in records:
        write_compression(tmp_path / f"{len(list(tmp_path.iterdir()))}.json", record, {})
    ((_, _, figure),) = figures(read_compressions(tmp_path)[0])
    lines = {line.get_label(): list(line.get_xdata()) for line in figure.axes[0].get_lines()}
    assert lines == {
        "JPEG": list(RATES),
        "fsq (quick), histogram": [0.16, 0.2, 0.24],
        "fsq (cpu), histogram": [0.3],
        "fsq (quick), gpt": [0.2],
        "old 10 bits (None), histogram": [0.2],
    }


def test_a_record_is_read_as_it_was_written_and_is_no_run(make, tokenizer, tmp_path: Path) -> None:
    for record in (make(), tokenizer()):
        write_compression(tmp_path / "record.json", record, CROPS)
        assert read_compression(tmp_path / "record.json") == record
        with pytest.raises(OtherProtocolError, match="tables of its own"):
            read_record(tmp_path / "record.json")


def test_measurements_of_one_name_are_told_apart(make, tokenizer) -> None:
    group = [make(), *(tokenizer(id=name, rates=(0.2, 0.4)) for name in ("fsq-seed0", "fsq-seed1"))]
    curves, rates = (_cells(table) for table in tables(group, short=True))
    name = "fsq 10 bits (quick), histogram"
    assert list(curves) == ["JPEG", f"{name} [fsq-seed0]", f"{name} [fsq-seed1]"]
    assert {f"{name} [fsq-seed0], quality 0", f"{name} [fsq-seed1], quality 0"} <= set(rates)
