"""`python -m benchmarks.evaluate --reference … --reconstruction …`: two folders of pictures."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from benchmarks.data import open_pairs, pair_batches
from benchmarks.metrics.pictures import psnr
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import read_record
from benchmarks.tables.comparable import asked_bits

Evaluate = Callable[..., int]
Refused = Callable[..., str]
The = Callable[[Path, str], Path]
Captured = pytest.CaptureFixture[str]


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


def test_folders_that_do_not_go_together_are_refused(crops: Path, made: Path, tmp_path: Path, refused: Refused) -> None:
    words = ["--reference", crops, "--reconstruction", made, "--output", tmp_path / "out"]
    files = sorted(made.rglob("*.bmp"))
    whole = {path: path.read_bytes() for path in files}
    for path in files[:5]:
        path.unlink()
    error = refused(f"5 in {crops} only: 00, 02, 03 and 2 more", *words)
    assert "one reconstruction, of the same relative path" in error
    for path, content in whole.items():
        path.write_bytes(content)
    shutil.copy(files[0], made / "more.bmp")
    refused(f"1 in {made} only: more", *words)
    (made / "more.bmp").unlink()
    Image.new("RGB", (32, 24)).save(files[0])
    refused("of another size than their originals: 00 (32 × 32 and 32 × 24)", *words)
    files[0].write_bytes(b"no picture")
    refused("1 unreadable: ", *words)
    shutil.copy(crops / "02.png", crops / "02.bmp")
    refused("with different suffixes: 02", *words)
    (crops / "02.bmp").unlink()
    (tmp_path / "empty").mkdir()
    refused("no pictures in", "--reference", crops, "--reconstruction", tmp_path / "empty")
    refused("there is no folder", "--reference", tmp_path / "none", "--reconstruction", made)
    assert not list((tmp_path / "out").rglob("*.json"))
