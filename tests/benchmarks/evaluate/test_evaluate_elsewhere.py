"""`python -m benchmarks.evaluate --model`, and the common table with folders of pictures."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import compare
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import read_record
from benchmarks.reproduce.__main__ import main as reproduce
from benchmarks.tables import comparable
from benchmarks.throughput.__main__ import main as throughput

Evaluate = Callable[..., int]
Refused = Callable[..., str]
The = Callable[[Path, str], Path]
Captured = pytest.CaptureFixture[str]


def test_a_published_tokenizer_has_a_record(
    home: Path, published: Path, tmp_path: Path, evaluate: Evaluate, the: The, capsys: Captured
) -> None:
    data = home / "other" / "test"
    assert evaluate("--model", "sure", "--checkpoint", published, "--data", data, "--output", tmp_path / "out") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "other-test, 12 pictures of 32 px · trained elsewhere · protocol reconstruction/1" in shown
    assert "not verified" not in shown
    words = "reconstruction/1: short side resized to 32 px (PIL bicubic, antialiased), centre crop; pictures in [-1, 1]"
    assert words in shown
    path = the(tmp_path / "out" / "elsewhere" / "other-test", "sure-*.json")
    record = read_record(path)
    assert record.quantizer.name == "sure"
    assert record.quantizer.codebook_size == 256
    assert record.metrics["bpp"] == 24 / 64
    assert words in record.notes["protocol"]
    assert record.config["model"]["verified"] == "by hand"
    assert len(record.config["model"]["sha256"]) == 64
    assert record.command.endswith(f"--model sure --checkpoint {published} --data {data}")
    assert len(read_arrays(path)["image/psnr"]) == 12
    assert evaluate("--model", "sure", "--checkpoint", published, "--data", data, "--output", tmp_path / "out") == 0
    assert "done already" in capsys.readouterr().out
    published.write_text("4")
    assert evaluate("--model", "sure", "--checkpoint", published, "--data", data, "--output", tmp_path / "out") == 0
    assert len(list((tmp_path / "out").rglob("sure-*.json"))) == 2  # other weights, another record


def test_the_size_is_the_models_own_or_as_asked(
    home: Path, published: Path, tmp_path: Path, evaluate: Evaluate, the: The
) -> None:
    words = ["--model", "sure", "--checkpoint", published, "--data", home / "again"]
    assert evaluate(*words, "--output", tmp_path / "own") == 0
    assert evaluate(*words, "--output", tmp_path / "asked", "--image-size", 24) == 0
    own, asked = (read_record(the(tmp_path / name, "sure-*.json")) for name in ("own", "asked"))
    assert (own.data["image_size"], asked.data["image_size"]) == (32, 24)
    assert own.settings != asked.settings


def test_pictures_need_neither_be_square_nor_on_the_strides_grid(
    home: Path, published: Path, tmp_path: Path, evaluate: Evaluate, the: The, capsys: Captured
) -> None:
    """The block mean of stride 8 on pictures of 20 × 45 pixels, which go on as they end up to 24 × 48."""
    words = ["--model", "sure", "--checkpoint", published, "--data", home / "again", "--output", tmp_path / "out"]
    assert evaluate(*words, "--image-size", 20, 45) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "again, 6 pictures of 45 × 20 px · trained elsewhere" in shown
    assert "until it just covers 45 × 20 px, centre crop" in shown
    path = the(tmp_path / "out", "sure-*.json")
    record, arrays = read_record(path), read_arrays(path)
    assert (record.data["image_size"], record.data["extent"]) == (20, [20, 45])
    assert record.command.endswith("--image-size 20 45")
    assert record.metrics["bpp"] == pytest.approx(24 * 3 * 6 / (20 * 45))
    assert comparable.asked_bits(record) == 24 * 3 * 6
    with Image.open(sorted((home / "again").iterdir())[0]) as picture:
        original = np.asarray(picture.resize((45, 34), Image.Resampling.BICUBIC))[7:27]
    assert np.array_equal(arrays["samples/original"][0], original.transpose(2, 0, 1))
    assert np.array_equal(
        arrays["samples/reconstruction"][0, :, 16:, 40:],
        np.broadcast_to(arrays["samples/reconstruction"][0, :, 16:17, 40:41], (3, 4, 5)),
    )


def test_what_is_not_verified_says_so_on_screen_and_in_the_record(
    home: Path, published: Path, tmp_path: Path, evaluate: Evaluate, the: The, capsys: Captured
) -> None:
    words = ["--model", "unsure", "--checkpoint", published, "--data", home / "again", "--output", tmp_path / "out"]
    assert evaluate(*words) == 0
    captured = capsys.readouterr()
    assert "unsure is not verified" in " ".join(captured.err.split())
    assert "unsure: not verified" in " ".join(captured.out.split())
    assert "not verified" in read_record(the(tmp_path / "out", "unsure-*.json")).notes["unsure"]


@pytest.mark.usefixtures("published")
def test_the_models_are_listed(evaluate: Evaluate, capsys: Captured) -> None:
    assert evaluate("--list-models") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("unsure" in line and "not verified" in line for line in lines)
    assert any(line.startswith("sure") and "by hand" in line for line in lines)


def test_all_that_was_measured_on_equal_pictures_is_one_table(
    crops: Path, made: Path, published: Path, tmp_path: Path, evaluate: Evaluate, the: The, capsys: Captured
) -> None:
    """The block mean as a published tokenizer, and as a folder, of the same crops: the same numbers."""
    out = tmp_path / "out"
    for model in ("sure", "unsure"):
        assert evaluate("--model", model, "--checkpoint", published, "--data", crops, "--output", out) == 0
    assert evaluate("--reference", crops, "--reconstruction", made, "--output", out) == 0
    model, folder = read_record(the(out, "sure-*.json")), read_record(the(out, "made-*.json"))
    assert model.settings == folder.settings
    for name in ("psnr", "ssim", "swd"):
        assert folder.metrics[name] == pytest.approx(model.metrics[name], rel=1e-3)  # means halfway between levels
    capsys.readouterr()
    assert compare.command([str(out), "--format", "markdown"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("trained elsewhere") == 1
    rows = {line.split("|")[1].strip(): line for line in shown.splitlines() if line.startswith("| ")}
    assert {"sure", "unsure", "made"} <= rows.keys()
    assert "**" not in rows["made"]  # at no rate: nobody's rival
    assert compare.command([str(out), "--format", "csv", "--matrix", "psnr"]) == 0
    matrix = capsys.readouterr().out
    assert "row − column at 384 bits" in matrix
    assert matrix.count("made") == 2  # beside every row


def test_no_evaluation_is_made_again_or_timed(
    crops: Path, made: Path, tmp_path: Path, evaluate: Evaluate, the: The, refused: Refused, capsys: Captured
) -> None:
    assert evaluate("--reference", crops, "--reconstruction", made, "--output", tmp_path / "out") == 0
    path = the(tmp_path / "out", "made-*.json")
    for command in (lambda: reproduce([str(path)]), lambda: throughput([str(path)])):
        assert command() == 2
        error = capsys.readouterr().err
        assert "trained elsewhere" in error or "no stored run" in error
    refused("no stored run", path, "--data", crops)


def test_flags_that_do_not_go_together_are_refused(
    home: Path, published: Path, crops: Path, tmp_path: Path, refused: Refused
) -> None:
    data = ["--data", home / "again", "--output", tmp_path / "out"]
    model = ["--model", "sure", "--checkpoint", published]
    folders = ["--reference", crops, "--reconstruction", crops]
    for words, message in (
        (data, "got nothing"),
        ([*model, *folders, *data], "got --model and --reference with --reconstruction"),
        ([home / "runs", *model, *data], "got stored runs and --model"),
        (folders[:2], "--reconstruction DIR is missing"),
        (folders[2:], "--reference DIR is missing"),
        ([*folders, *data], "--data, --part and --limit choose what a tokenizer is measured on"),
        ([*folders, "--part", "all"], "--data, --part and --limit choose what a tokenizer is measured on"),
        (model, "--data is missing"),
        ([home / "runs"], "--data is missing"),
        ([home / "runs", "--checkpoint", published, *data], "say which by --model NAME"),
        ([home / "runs", "--image-size", 9, 9, 9, *data], "one side, or height and width; got 9 9 9"),
        ([*folders, "--image-size", 16], "those of --reference are taken as they are"),
        ([*model, *data, "--explain", "--image-size", 16, 24], "--explain is for squares"),
        ([*model[:2], *data], "--checkpoint PATH is missing: the weights of sure, to be had from example.org"),
        ([*model[:2], "--checkpoint", tmp_path / "none", *data], "there is no file"),
        (["--model", "other", *model[2:], *data], "there is no published tokenizer 'other'; there are sure, unsure"),
    ):
        refused(message, *words)
    published.write_text("damaged")
    refused("not the weights of this model", *model, *data)
    assert not list((tmp_path / "out").rglob("*.json"))


def test_the_record_is_read_by_its_schema(
    home: Path, published: Path, tmp_path: Path, evaluate: Evaluate, the: The
) -> None:
    words = ["--model", "sure", "--checkpoint", published, "--data", home / "again", "--output", tmp_path / "out"]
    assert evaluate(*words) == 0
    path = the(tmp_path / "out", "sure-*.json")
    raw = json.loads(path.read_text())
    path.write_text(json.dumps({**raw, "quantizer": {**raw["quantizer"], "codebook_size": "many"}}))
    assert compare.command([str(tmp_path / "out")]) == 2
