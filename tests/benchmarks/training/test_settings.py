"""Configurations: what names a run, what makes rows comparable, and the command that makes a run again."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from benchmarks.training.arguments import parse
from benchmarks.training.planning import plan
from benchmarks.training.presets import PRESETS, changes, command_line
from benchmarks.training.settings import PresetName, RunConfig, Settings, TrainConfig, run_id, settings_digest

QUICK = PRESETS["quick"]
RUN = RunConfig("fsq", 10, {}, 0, "quick", QUICK)


def _id(run: RunConfig, fingerprint: str = "data") -> str:
    return run_id(run, settings_digest(run.settings, "reconstruction/1", fingerprint))


@pytest.mark.parametrize(
    "other",
    [
        replace(RUN, quantizer="lfq"),
        replace(RUN, bits=12),
        replace(RUN, seed=1),
        replace(RUN, options={"decay": 0.9}),
        replace(RUN, code="an edited file"),
        replace(RUN, settings=replace(QUICK, dim=8)),
        replace(RUN, settings=replace(QUICK, deferred=0.5)),
        replace(RUN, settings=replace(QUICK, train=replace(QUICK.train, images=32))),
        replace(RUN, settings=replace(QUICK, data=replace(QUICK.data, flip=False))),
    ],
)
def test_whatever_changes_the_numbers_changes_the_name(other: RunConfig) -> None:
    assert _id(other) != _id(RUN)


def test_the_data_are_known_by_content_and_the_rest_has_no_effect_on_the_name() -> None:
    elsewhere = replace(QUICK.data, source="/another/path", workers=3, root=Path("cache"))
    moved = replace(RUN, settings=replace(QUICK, data=elsewhere))
    assert _id(moved) == _id(RUN)
    assert _id(RUN, "other pictures") != _id(RUN)
    assert run_id(RUN, settings_digest(QUICK, "reconstruction/2", "data")) != _id(RUN)


def test_seeds_and_quantizers_share_the_digest_of_their_settings() -> None:
    assert settings_digest(QUICK, "p", "d") == settings_digest(replace(QUICK), "p", "d")
    assert settings_digest(QUICK, "p", "d") != settings_digest(PRESETS["cpu"], "p", "d")


def test_the_backbone_follows_the_image_size_of_the_data() -> None:
    assert Settings(data=replace(QUICK.data, image_size=64), model=QUICK.model).model.image_size == 64


@pytest.mark.parametrize("preset", get_args(PresetName))
def test_presets_change_nothing_of_themselves(preset: PresetName) -> None:
    assert changes(PRESETS[preset], preset) == {}


def test_the_command_line_of_a_run_asks_for_the_same_run() -> None:
    arguments = parse(
        shlex.split(
            "--quantizer vq --bits 8 --seed 3 --preset smoke --data some/folder --train.images 64 "
            "--train.betas 0.9 0.99 --options decay=0.9 name=x --data.no-flip --model.multipliers 1 2"
        )
    )
    options = {"decay": 0.9, "name": "x"}
    run = RunConfig(
        "vq",
        8,
        options,
        3,
        "smoke",
        Settings(arguments.data, arguments.model, arguments.dim, arguments.loss, arguments.train),
    )
    words = command_line(run, changes(run.settings, run.preset))
    assert words.startswith("python -m benchmarks.run --quantizer vq --bits 8")
    again = parse(shlex.split(words)[3:])
    assert (again.data, again.model, again.loss, again.train) == (
        arguments.data,
        arguments.model,
        arguments.loss,
        arguments.train,
    )
    assert (again.quantizer, again.bits, again.seed) == (("vq",), (8,), (3,))
    assert run.settings.train.betas == (0.9, 0.99)
    assert not run.settings.data.flip
    assert run.settings.model.multipliers == (1, 2)


def test_several_quantizers_rates_and_seeds_make_their_product_after_the_baselines() -> None:
    runs = plan(parse(shlex.split("--quantizer fsq lfq fsq --bits 8 10 --seed 0 1")))
    assert [(run.quantizer, run.bits, run.seed) for run in runs[:6]] == [
        ("block-mean", None, 0),
        ("pca", None, 0),
        ("kmeans", 8, 0),
        ("kmeans", 10, 0),
        ("fsq", 8, 0),
        ("fsq", 8, 1),
    ]
    assert len(runs) == 4 + 2 * 2 * 2


def test_a_start_is_named_by_its_run_and_not_by_its_path() -> None:
    from_here, from_there = (replace(QUICK, start=Path(folder) / "run.json") for folder in ("here", "there"))
    assert settings_digest(from_here, "p", "d") == settings_digest(from_there, "p", "d")
    assert settings_digest(from_here, "p", "d") != settings_digest(QUICK, "p", "d")
    other = replace(QUICK, start=Path("here/other.json"))
    assert settings_digest(other, "p", "d") != settings_digest(from_here, "p", "d")


def test_a_start_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").touch()
    with pytest.raises(ValueError, match="no weights beside it"):
        plan(parse(["--quantizer", "fsq", "--start", str(tmp_path / "run.json")]))


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"images": 5}, "at least one whole batch"), ({"weight_ema": 1.0}, "weight_ema"), ({"warmup": 2.0}, "warmup")],
)
def test_settings_that_cannot_work_are_refused(fields: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TrainConfig(**fields)  # type: ignore[arg-type]


def test_a_batch_is_shared_out_evenly_or_refused() -> None:
    assert TrainConfig(batch_size=24, accumulation=3).part(4) == 2
    with pytest.raises(ValueError, match=r"batch_size 15 does not divide into 1 process\(es\) x 2 part\(s\)"):
        TrainConfig(batch_size=15, accumulation=2)
    with pytest.raises(ValueError, match=r"batch_size 15 does not divide into 2 process\(es\).*multiple of 2"):
        TrainConfig(batch_size=15).part(2)
