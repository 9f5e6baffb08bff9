"""The baselines: which are done beside what is asked for, at which rates, and that they are stored as fitted."""

import shlex
from pathlib import Path

import pytest
import torch

from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import read_record
from benchmarks.run import main
from benchmarks.training import experiment
from benchmarks.training.arguments import parse
from benchmarks.training.planning import plan
from benchmarks.training.presets import PRESETS
from benchmarks.training.signals.picture_baselines import make_baseline
from benchmarks.training.signals.pictures import Pictures
from benchmarks.training.trained import trained_tokenizer

SMOKE = ["--preset", "smoke", "--cpu"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--quantizer block-mean", [("block-mean", None)]),
        ("--quantizer kmeans pca --bits 8 10", [("kmeans", 8), ("kmeans", 10), ("pca", None)]),
        ("--quantizer none", [("block-mean", None), ("pca", None), ("none", 10)]),
        (
            "--quantizer fsq --bits --options levels=(8,8,8)",
            [("block-mean", None), ("pca", None), ("kmeans", 9), ("fsq", None)],
        ),
        ("--quantizer lfq kmeans --bits 18", [("block-mean", None), ("pca", None), ("lfq", 18)]),
        (
            "--quantizer fsq --bits 8 --backbone vqvae2",
            [("block-mean", None), ("pca", None), ("kmeans", 8), ("fsq", 8)],
        ),
    ],
)
def test_baselines_of_what_is_asked_for(words: str, expected: list[tuple[str, int | None]]) -> None:
    """All of them beside quantizers, k-means at their rates as far as it goes; named alone, those that are named."""
    assert [(run.quantizer, run.bits) for run in plan(parse(shlex.split(words)))] == expected


@pytest.mark.parametrize("words", ["--quantizer kmeans --bits", "--quantizer kmeans --bits 15"])
def test_kmeans_without_a_rate_that_it_can_have_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match="kmeans needs --bits, from 1 to 14"):
        plan(parse(shlex.split(words)))


def test_baselines_have_the_bits_and_channels_of_a_picture() -> None:
    """Also beside a backbone with two code maps: 4 + 16 positions at 32 pixels, and 16 blocks."""
    for words, bits, channels in (("", 10, 16), ("--backbone vqvae2", 12, 20), ("--backbone 1d", 10, 16)):
        runs = plan(parse(shlex.split(f"--quantizer fsq {words}")))
        pca, kmeans = (make_baseline(run) for run in runs[1:3])
        assert kmeans.quantizer.bits_per_position == bits
        assert pca.quantizer.dim == channels
        assert pca.strides == kmeans.strides == (8, 8)


def test_baselines_alone_are_stored_with_what_they_were_fitted_to(tmp_path: Path, pictures: Path) -> None:
    words = ["--quantizer", "block-mean", "pca", "kmeans", "--bits", "4", "5", *SMOKE, "--data", str(pictures)]
    assert main([*words, "--output", str(tmp_path / "runs")]) == 0
    paths = sorted((tmp_path / "runs").rglob("*-seed0-*.json"))
    records = {f"{record.quantizer.name} {record.config['bits']}": record for record in map(read_record, paths)}
    assert records.keys() == {"block-mean None", "kmeans 4", "kmeans 5", "pca None"}
    for path, record in zip(paths, map(read_record, paths), strict=True):
        samples = read_arrays(path)
        originals = torch.from_numpy(samples["samples/original"])
        made = trained_tokenizer(path, record)(Pictures().to_float(originals, torch.device("cpu"))).reconstruction
        again = ((made.clamp(-1, 1) + 1) * 127.5).round().byte()
        assert torch.equal(again, torch.from_numpy(samples["samples/reconstruction"]))
        assert (record.training.steps, record.training_images) == (0, 128)
        assert record.training.images == (0 if record.quantizer.name == "block-mean" else 128)
    assert records["kmeans 5"].metrics["psnr"] > records["kmeans 4"].metrics["psnr"]
    assert records["pca None"].metrics["psnr"] > records["block-mean None"].metrics["psnr"]
    assert 1 < records["pca None"].metrics["effective_rank"] <= PRESETS["smoke"].dim


def test_baselines_are_fitted_where_float64_exists(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU without it: they are made beside the metrics, not beside the networks."""
    asked: list[torch.device] = []

    def elsewhere(device: torch.device) -> torch.device:
        asked.append(device)
        return torch.device("cpu")

    monkeypatch.setattr(experiment, "measuring_device", elsewhere)
    words = ["--quantizer", "pca", *SMOKE, "--data", str(pictures)]
    assert main([*words, "--output", str(tmp_path / "runs")]) == 0
    assert asked == [torch.device("cpu")]
