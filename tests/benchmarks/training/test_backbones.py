"""Every backbone by its name in the main command, from the flag to the stored row and back."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from autoencoders import PictureBackboneName, VQVAE2Config, code_maps_of, create_tokenizer, finest_stride
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import read_record
from benchmarks.run import main
from benchmarks.training.arguments import parse
from benchmarks.training.models import make_quantizer
from benchmarks.training.planning import plan
from benchmarks.training.presets import PRESETS, SIZES, changes, command_line, preset_settings
from benchmarks.training.settings import effective, settings_digest
from benchmarks.training.stored import configuration
from benchmarks.training.trained import trained_tokenizer

SMOKE = ["--preset", "smoke", "--cpu", "--train.images", "32", "--train.batch-size", "8", "--data.limit-test", "8"]


@pytest.mark.slow
@pytest.mark.parametrize("backbone", get_args(PictureBackboneName))
def test_it_trains_with_several_quantizers(backbone: PictureBackboneName, tmp_path: Path) -> None:
    names = ("fsq", "vq-ema", "lfq")
    words = ["--backbone", backbone, "--quantizer", *names, *SMOKE, "--loss.gan-start", "1"]
    assert main([*words, "--output", str(tmp_path)]) == 0
    settings = set()
    for name in names:
        (path,) = tmp_path.rglob(f"{name}-*.json")
        record = read_record(path)
        settings.add(record.settings)
        assert record.metrics["psnr"] is not None
        assert record.metrics["psnr"] > 5
        tokenizer = trained_tokenizer(path, record)
        samples = torch.from_numpy(read_arrays(path)["samples/original"]) / 127.5 - 1
        codes = tokenizer.encode(samples)
        assert len(codes) == len(tokenizer.maps)
        bits = sum(
            of[0].numel() / quantizer.codes_per_position * quantizer.bits_per_position
            for of, quantizer in zip(codes, tokenizer.quantizers, strict=True)
        )
        assert record.metrics["bpp"] == pytest.approx(bits / samples[0, 0].numel())
        pictures = ((tokenizer.decode(codes).clamp(-1, 1) + 1) * 127.5).round()
        np.testing.assert_allclose(pictures.detach().numpy(), read_arrays(path)["samples/reconstruction"], atol=1)
        assert configuration(path, record).settings.backbone == backbone
        assert ("--backbone" in record.command) == (backbone != PRESETS["smoke"].backbone)
    assert len(settings) == 1


def test_rows_of_different_backbones_are_not_compared_and_say_which_they_have() -> None:
    settings = {name: preset_settings("quick", name) for name in get_args(PictureBackboneName)}
    assert len({settings_digest(each, "p", "d") for each in settings.values()}) == len(settings)
    for name, each in settings.items():
        assert changes(each, "quick") == ({} if name == "vqgan" else {"backbone": name})
    assert "backbone" not in effective(settings["vqgan"])  # nor in the runs that were stored before there was another


@pytest.mark.parametrize("preset", ["smoke", "quick", "cpu"])
def test_the_small_presets_have_all_backbones_at_one_stride(preset: str) -> None:
    stride = PRESETS[preset].model.stride
    for name in get_args(PictureBackboneName):
        model = preset_settings(preset, name).model
        assert (model.bottom_stride if isinstance(model, VQVAE2Config) else model.stride) == stride
        assert model.image_size == PRESETS[preset].data.image_size


def test_a_backbone_brings_its_own_rate_where_it_has_one() -> None:
    rates = {name: preset_settings("quick", name).train.learning_rate for name in get_args(PictureBackboneName)}
    assert rates["dvae"] == rates["vqgan"] == PRESETS["quick"].train.learning_rate
    assert {2 * rates[name] for name in ("vqvae", "vqvae2", "vit", "1d")} == {rates["vqgan"]}
    faster = replace(preset_settings("quick", "vit").train, learning_rate=rates["vqgan"])
    assert changes(replace(preset_settings("quick", "vit"), train=faster), "quick").keys() == {
        "backbone",
        "train.learning_rate",
    }


def test_a_preset_without_that_backbone_is_refused_with_those_that_have_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert "vqgan-f16" not in SIZES["vqvae"]
    assert main(["--backbone", "vqvae", "--preset", "vqgan-f16"]) == 2
    assert "the preset vqgan-f16 has no sizes for the backbone vqvae" in capsys.readouterr().err.replace("\n", " ")


def test_the_flags_of_the_sizes_are_those_of_the_backbone() -> None:
    arguments = parse(["--backbone", "vqvae2", "--preset", "smoke", "--model.top-downsamplings", "2"])
    run = plan(arguments)[-1]
    assert run.settings.model == VQVAE2Config(
        32, width=16, residual_width=8, blocks=1, downsamplings=3, top_downsamplings=2
    )
    assert changes(run.settings, "smoke") == {"backbone": "vqvae2", "model.top_downsamplings": 2}


@pytest.mark.parametrize(
    ("preset", "quantizer", "coarse", "fine", "millions"),
    [
        ("vqgan-f16", "--quantizer vq --bits 14", 16, 16, 76.07),
        ("llamagen-16", "--quantizer vq-cosine --bits 14 --options dim=8", 16, 16, 71.9),
        ("llamagen-8", "--quantizer vq-cosine --bits 14 --options dim=8", 32, 32, 70.11),
        ("var-16", "--quantizer multi-scale --bits", 16, 16, 108.95),
        ("vit-vqgan", "--quantizer vq-cosine --bits 13 --options dim=32", 32, 32, None),
        ("vqvae", "--quantizer vq --bits 9", 32, 32, None),
        ("vqvae2", "--quantizer vq-ema --bits 9", 32, 64, None),
        ("dalle", "--quantizer gumbel --bits 13 --options one_hot=True", 32, 32, 97.6),
    ],
)
def test_a_published_preset_has_the_published_grid_and_size(
    preset: str, quantizer: str, coarse: int, fine: int, millions: float | None
) -> None:
    run = plan(parse(["--preset", preset, *quantizer.split()]))[-1]
    assert preset in command_line(run, changes(run.settings, run.preset))
    model = run.settings.model
    assert (model.image_size // model.stride, model.image_size // finest_stride(model)) == (coarse, fine)
    if millions is None:  # no published count
        return
    with torch.device("meta"):
        tokenizer = create_tokenizer(model, [make_quantizer(run) for _ in code_maps_of(model)])
    assert sum(parameter.numel() for parameter in tokenizer.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)


def test_the_loss_with_scales_is_the_dvaes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--loss.reconstruction", "logit-laplace", *SMOKE, "--output", str(tmp_path)]
    assert main(words) == 2
    assert "the backbone dvae's, not for vqgan" in " ".join(capsys.readouterr().err.split())
    schedule = ["one_hot=True", "kl_weight=0.034375", "kl_warmup=0.5", "temperature_until=0.5"]
    assert main([*words, "--backbone", "dvae", "--quantizer", "gumbel", "--bits", "6", "--options", *schedule]) == 0
    (path,) = tmp_path.rglob("gumbel-*.json")
    record = read_record(path)
    assert record.quantizer.dim == 64
    assert "--loss.reconstruction logit-laplace" in record.command
