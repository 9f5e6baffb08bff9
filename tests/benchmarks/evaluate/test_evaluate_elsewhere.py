"""`python -m benchmarks.evaluate --model` and `--reference … --reconstruction …`, and their common table."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from benchmarks import compare
from benchmarks.data import centre_crop, open_pairs, pair_batches
from benchmarks.metrics.pictures import psnr
from benchmarks.records.record import read_arrays, read_record
from benchmarks.reproduce.__main__ import main as reproduce
from benchmarks.tables.comparable import asked_bits
from benchmarks.throughput.__main__ import main as throughput

Evaluate = Callable[..., int]
The = Callable[[Path, str], Path]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def crops(home: Path, tmp_path: Path) -> Path:
    """The protocol's crops at 32 px of some pictures, and a folder for reconstructions of them beside it."""
    (tmp_path / "kept" / "deep").mkdir(parents=True)
    for index, path in enumerate(sorted((home / "other" / "test").iterdir())):
        with Image.open(path) as picture:
            centre_crop(picture, 32).save(tmp_path / "kept" / ("deep" if index % 3 == 1 else "") / path.name)
    return tmp_path / "kept"


@pytest.fixture
def made(crops: Path, tmp_path: Path) -> Path:
    """Reconstructions of `crops` as BMP: the mean colour of each block of 8 x 8, rounded."""
    for path in crops.rglob("*.png"):
        with Image.open(path) as picture:
            blocks = np.asarray(picture, np.float64).reshape(4, 8, 4, 8, 3).mean((1, 3))
        to = (tmp_path / "made" / path.relative_to(crops)).with_suffix(".bmp")
        to.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(blocks.round().astype(np.uint8).repeat(8, 0).repeat(8, 1)).save(to)
    return tmp_path / "made"


def refused(evaluate: Evaluate, capsys: Captured, message: str, *words: object) -> str:
    capsys.readouterr()
    assert evaluate(*words) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert error.startswith("error: ")
    assert message in error
    assert "Traceback" not in error
    return error


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


def test_folders_are_measured_as_they_are(
    crops: Path, made: Path, tmp_path: Path, evaluate: Evaluate, the: The, capsys: Captured
) -> None:
    assert (
        evaluate("--reference", crops, "--reconstruction", made, "--output", tmp_path / "out", "--batch-size", 5) == 0
    )
    assert "pictures of 32 × 32 px as they are" in " ".join(capsys.readouterr().out.split())
    path = the(tmp_path / "out" / "elsewhere" / "kept", "made-*.json")
    record, arrays = read_record(path), read_arrays(path)
    names = sorted(each.relative_to(crops) for each in crops.rglob("*.png"))
    both = [
        torch.stack([torch.from_numpy(np.array(Image.open(folder / name))).permute(2, 0, 1) for name in of])
        for folder, of in ((made, [name.with_suffix(".bmp") for name in names]), (crops, names))
    ]
    np.testing.assert_array_equal(arrays["image/psnr"], psnr(*both))
    np.testing.assert_array_equal(arrays["samples/original"], both[1][:8])
    assert {"psnr", "ssim", "swd"} == {name for name, value in record.metrics.items() if value is not None}
    assert "no codes" in record.missing["usage"]
    assert record.quantizer.bits_per_position is None
    assert record.data["reconstructions"]["fingerprint"] != record.data["fingerprint"]
    assert "made" not in record.notes


def test_a_lossy_format_is_noted(crops: Path, made: Path, tmp_path: Path, evaluate: Evaluate, the: The) -> None:
    lossy = next(made.rglob("*.bmp"))
    Image.open(lossy).save(lossy.with_suffix(".jpg"))
    lossy.unlink()
    assert evaluate("--reference", crops, "--reconstruction", made, "--output", tmp_path / "out") == 0
    assert "1 of 12 files" in read_record(the(tmp_path / "out", "made-*.json")).notes["made"]


def test_pictures_of_several_sizes(
    crops: Path, made: Path, tmp_path: Path, evaluate: Evaluate, the: The, capsys: Captured
) -> None:
    """Each at its own size where a metric is of pictures, the part that all have where it is of sets."""
    for folder, parts in ((crops, tmp_path / "central original"), (made, tmp_path / "central made")):
        for index, path in enumerate(sorted(folder.rglob("*.*"))):
            with Image.open(path) as picture:
                picture = picture.convert("RGB").resize((64, 64), Image.Resampling.NEAREST)
                width, height = ((40, 24), (32, 32), (24, 40), (33, 25))[index % 4]
                picture.crop((0, 0, width, height)).save(path)
                left, top = (width - 24) // 2, (height - 24) // 2
                to = parts / path.relative_to(folder)
                to.parent.mkdir(parents=True, exist_ok=True)
                picture.crop((left, top, left + 24, top + 24)).save(to)
    words = ["--reference", crops, "--reconstruction", made, "--output", tmp_path / "out"]
    assert evaluate(*words, "--batch-size", 2) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "kept, 12 pictures of 24 × 40 to 40 × 24 px · trained elsewhere" in shown
    assert "as they are, for metrics of sets their central 24 × 24 px" in shown
    path = the(tmp_path / "out", "made-*.json")
    record, arrays = read_record(path), read_arrays(path)
    names = sorted(each.relative_to(crops) for each in crops.rglob("*.png"))
    expected = []
    for name in names:
        both = [np.array(Image.open(at)) for at in ((made / name).with_suffix(".bmp"), crops / name)]
        expected += psnr(*(torch.from_numpy(each).permute(2, 0, 1)[None] for each in both)).tolist()
    np.testing.assert_allclose(arrays["image/psnr"], expected)
    words = ["--reference", tmp_path / "central original", "--reconstruction", tmp_path / "central made"]
    assert evaluate(*words, "--output", tmp_path / "parts") == 0
    central = the(tmp_path / "parts", "*.json")
    assert record.metrics["swd"] == read_record(central).metrics["swd"]
    assert record.metrics["psnr"] != read_record(central).metrics["psnr"]
    np.testing.assert_array_equal(arrays["samples/original"], read_arrays(central)["samples/original"])


def test_bits_of_compressed_files(crops: Path, made: Path, tmp_path: Path, evaluate: Evaluate, the: The) -> None:
    words = ["--reference", crops, "--reconstruction", made, "--output", tmp_path / "out"]
    for number, path in enumerate(list(made.rglob("*.bmp"))):
        if number in (0, 1):  # none compressed, and one
            assert evaluate(*words) == 0
        with Image.open(path) as picture:
            picture.save(path.with_suffix(".jpg"))
        path.unlink()
    assert {read_record(path).metrics["bpp"] for path in (tmp_path / "out").rglob("*.json")} == {None}
    assert evaluate(*words, "--output", tmp_path / "compressed") == 0
    record = read_record(the(tmp_path / "compressed", "made-*.json"))
    assert record.metrics["bpp"] == pytest.approx(np.mean([8 * p.stat().st_size / 32**2 for p in made.rglob("*.jpg")]))
    assert "bpp" not in record.missing
    assert asked_bits(record) == 0  # nobody's rival: no other has just these bits


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_a_batch_of_pairs_is_of_one_size_and_each_pair_is_in_one(tmp_path: Path, world_size: int) -> None:
    for index in range(11):
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.new("RGB", ((16, 24), (24, 16))[index % 3 == 0]).save(tmp_path / folder / f"{index:02}.png")
    pairs = open_pairs(tmp_path / "one", tmp_path / "two", Console(quiet=True))
    assert pairs.shared == (16, 16)
    seen = []
    for rank in range(world_size):
        batches = [places.tolist() for places, _ in pair_batches(pairs, 2, rank, world_size)]
        assert all(len({pairs.sizes[place] for place in places}) == 1 for places in batches)
        seen += [place for places in batches for place in places]
        for done in range(len(batches)):
            count = sum(map(len, batches[:done]))
            again = [places.tolist() for places, _ in pair_batches(pairs, 2, rank, world_size, count)]
            assert again == batches[done:]
    assert sorted(seen) == list(range(11))


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
    crops: Path, made: Path, tmp_path: Path, evaluate: Evaluate, the: The, capsys: Captured
) -> None:
    assert evaluate("--reference", crops, "--reconstruction", made, "--output", tmp_path / "out") == 0
    path = the(tmp_path / "out", "made-*.json")
    for command in (lambda: reproduce([str(path)]), lambda: throughput([str(path)])):
        assert command() == 2
        error = capsys.readouterr().err
        assert "trained elsewhere" in error or "no stored run" in error
    refused(evaluate, capsys, "no stored run", path, "--data", crops)


def test_folders_that_do_not_go_together_are_refused(
    crops: Path, made: Path, tmp_path: Path, evaluate: Evaluate, capsys: Captured
) -> None:
    words = ["--reference", crops, "--reconstruction", made, "--output", tmp_path / "out"]
    files = sorted(made.rglob("*.bmp"))
    whole = {path: path.read_bytes() for path in files}
    for path in files[:5]:
        path.unlink()
    error = refused(evaluate, capsys, f"5 in {crops} only: 00, 02, 03 and 2 more", *words)
    assert "one reconstruction, of the same relative path" in error
    for path, content in whole.items():
        path.write_bytes(content)
    shutil.copy(files[0], made / "more.bmp")
    refused(evaluate, capsys, f"1 in {made} only: more", *words)
    (made / "more.bmp").unlink()
    Image.new("RGB", (32, 24)).save(files[0])
    refused(evaluate, capsys, "of another size than their originals: 00 (32 × 32 and 32 × 24)", *words)
    files[0].write_bytes(b"no picture")
    refused(evaluate, capsys, "1 unreadable: ", *words)
    shutil.copy(crops / "02.png", crops / "02.bmp")
    refused(evaluate, capsys, "with different suffixes: 02", *words)
    (crops / "02.bmp").unlink()
    (tmp_path / "empty").mkdir()
    refused(evaluate, capsys, "no pictures in", "--reference", crops, "--reconstruction", tmp_path / "empty")
    refused(evaluate, capsys, "there is no folder", "--reference", tmp_path / "none", "--reconstruction", made)
    assert not list((tmp_path / "out").rglob("*.json"))


def test_flags_that_do_not_go_together_are_refused(
    home: Path, published: Path, crops: Path, tmp_path: Path, evaluate: Evaluate, capsys: Captured
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
        ([*folders, *data], "--data, --part and --limit choose pictures for a tokenizer"),
        ([*folders, "--part", "all"], "--data, --part and --limit choose pictures for a tokenizer"),
        (model, "--data is missing"),
        ([home / "runs"], "--data is missing"),
        ([home / "runs", "--checkpoint", published, *data], "say which by --model NAME"),
        ([home / "runs", "--image-size", 64, *data], "--image-size is for --model"),
        ([*model[:2], *data], "--checkpoint PATH is missing: the weights of sure, to be had from example.org"),
        ([*model[:2], "--checkpoint", tmp_path / "none", *data], "there is no file"),
        (["--model", "other", *model[2:], *data], "there is no published tokenizer 'other'; there are sure, unsure"),
        ([*model, *data, "--image-size", 30], "multiples of the strides 8 × 8, got 30"),
    ):
        refused(evaluate, capsys, message, *words)
    published.write_text("damaged")
    refused(evaluate, capsys, "not the weights of this model", *model, *data)
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
