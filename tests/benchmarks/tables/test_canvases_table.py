"""The table of canvases: what stands in its cells, and what of files is read for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare import Arguments, main as compare
from benchmarks.records.files import write_model
from benchmarks.records.record import Record
from benchmarks.records.texture import PROTOCOL, SCHEMA, Canvas, CanvasRecord, read_canvases
from benchmarks.tables.canvases import numbers, tables

METRICS = {"swd": 48.83, "autocorrelation": 0.0475, "swd_of_test": 91.5, "autocorrelation_of_test": None}


@pytest.fixture
def stored(make_record: Callable[..., Record]) -> Callable[..., Canvas]:
    def make(**other: Any) -> Canvas:
        run = make_record(data={**make_record().data, "image_size": 64})
        known = {
            "schema_version": SCHEMA,
            "id": f"canvas-{run.id}-0",
            "protocol": PROTOCOL,
            "prior": f"prior-{run.id}-0",
            "run": run.id,
            "extent": (128, 256),
            "sampling": {},
            "seed": 0,
            "metrics": METRICS,
            "environment": run.environment,
            "command": "python -m benchmarks.generate --run RUN.json --canvas 128 256",
            "created": run.created,
            "wall_seconds": 1.0,
        }
        return Canvas(CanvasRecord.model_validate(known | other), run)

    return make


def test_a_canvas_stands_beside_the_rest_of_its_texture(stored: Callable[..., Canvas]) -> None:
    (table,) = tables([stored()])
    cells = {name: column[0].text for name, column in table.cells.items()}
    assert cells["canvas"] == "256 × 128 px"
    assert cells["SWD ↓"] == "48.8 (91.5)"
    assert cells["autocorrelation ↓"] == "0.048 (–)"
    assert numbers([stored()])[["height", "width", "swd"]].to_numpy().tolist() == [[128, 256, 48.83]]


def test_canvases_are_read_with_the_runs_beside_them(stored: Callable[..., Canvas], tmp_path: Path) -> None:
    canvas = stored()
    path = tmp_path / f"{canvas.record.id}.json"
    write_model(path, canvas.record)
    problems: list[str] = []
    assert read_canvases([tmp_path], problems) == []
    assert len(problems) == 1
    assert canvas.run.id in problems[0]

    write_model(tmp_path / f"{canvas.run.id}.json", canvas.run)
    assert read_canvases([tmp_path], []) == [canvas]
    assert compare(Arguments((tmp_path,), canvases=True, output=tmp_path / "table.csv", format="csv")) == 0
    assert "48.83" in (tmp_path / "table.csv").read_text(encoding="utf-8")


def test_without_a_canvas_it_is_said_how_to_draw_one(
    make_record: Callable[..., Record], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_record()
    write_model(tmp_path / f"{run.id}.json", run)
    assert compare(Arguments((tmp_path,), canvases=True)) == 2
    assert "benchmarks.generate --canvas" in capsys.readouterr().err
