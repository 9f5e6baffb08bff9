"""What a run trains: also encoder and decoder of another run."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmarks.records.record import Record, read_record
from benchmarks.run import main
from benchmarks.training.models import make_tokenizer, start_from
from benchmarks.training.presets import PRESETS, preset_settings
from benchmarks.training.settings import RunConfig
from storage.checkpoint import CheckpointError

SMOKE = ["--preset", "smoke", "--cpu"]


def _record(folder: Path, quantizer: str) -> tuple[Path, Record]:
    (path,) = folder.rglob(f"{quantizer}-*.json")
    return path, read_record(path)


@pytest.mark.slow
def test_a_training_starts_from_a_stored_run(tmp_path: Path, pictures: Path) -> None:
    """Another quantizer in a trained autoencoder: its networks are taken over, and are better than fresh ones."""
    words = [*SMOKE, "--data", str(pictures), "--loss.gan", "none", "--loss.perceptual", "none"]
    first = tmp_path / "first"
    assert main(["--quantizer", "none", *words, "--train.images", "3200", "--output", str(first)]) == 0
    path, _ = _record(first, "none")
    fresh, started = tmp_path / "fresh", tmp_path / "started"
    assert main(["--quantizer", "vq-ema", *words, "--output", str(fresh)]) == 0
    assert main(["--quantizer", "vq-ema", *words, "--start", str(path), "--output", str(started)]) == 0
    (_, without), (_, record) = _record(fresh, "vq-ema"), _record(started, "vq-ema")
    assert record.metrics["psnr"] > without.metrics["psnr"] + 1
    assert record.settings != without.settings
    assert record.changes["start"] == path.as_posix()
    assert f"--start {path.as_posix()}" in record.command


def test_weights_that_fit_are_taken_over_and_the_quantizers_are_not(tmp_path: Path) -> None:
    first, wider = (
        RunConfig("vq-ema", 4, {}, seed, "smoke", replace(PRESETS["smoke"], dim=dim)) for seed, dim in ((1, 8), (2, 12))
    )
    trained = make_tokenizer(first)
    save_file(dict(trained.state_dict()), tmp_path / "run.safetensors")
    fresh = make_tokenizer(wider)
    before = fresh.quantizer.codebook().clone()
    start_from(fresh, tmp_path / "run.json")
    assert torch.equal(fresh.encoder.conv_in.weight, trained.encoder.conv_in.weight)
    assert torch.equal(fresh.decoder.conv_out.weight, trained.decoder.conv_out.weight)
    assert fresh.quant_conv.weight.shape != trained.quant_conv.weight.shape
    assert torch.equal(fresh.quantizer.codebook(), before)
    other = make_tokenizer(replace(first, settings=preset_settings("smoke", "vit")))
    with pytest.raises(CheckpointError, match="no weight of it has a name and size of this backbone"):
        start_from(other, tmp_path / "run.json")
    with pytest.raises(CheckpointError, match="is not a readable file of weights"):
        start_from(fresh, tmp_path / "nowhere.json")
