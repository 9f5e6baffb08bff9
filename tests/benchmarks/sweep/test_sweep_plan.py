"""The plan: each run once, the same that the command line makes, and what cannot be had left out by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.command_line.options import parse_options
from benchmarks.command_line.usage import UsageError
from benchmarks.data import open_data
from benchmarks.sweep.file import read_sweep
from benchmarks.sweep.plan import Plan, option_words, plan, with_flags, words
from benchmarks.training import planning
from benchmarks.training.arguments import parse
from benchmarks.training.resolved import resolve
from quantizers import list_quantizers

PlanOf = Callable[..., Plan]
SWEEPS = Path(__file__).parents[3] / "results" / "sweeps"


def test_a_job_is_the_run_that_its_command_makes(plan_of: PlanOf) -> None:
    planned = plan_of(
        """
- quantizers: [vq, fsq]
  bits: [4, 6]
  seeds: [0, 1]
- {quantizers: rq, bits: [], options: {codes_per_position: 2, base: fsq, levels: [4, 4]}}
- {quantizers: vq, settings: {train.betas: [0.5, 0.9], data.flip: false, data.limit-test: null, train.warmup: 1e-2}}
"""
    )
    assert len(planned.runs) == 10
    assert [job.name for job in planned.baselines] == [
        *("block-mean", "pca", "kmeans 4 bits", "kmeans 6 bits", "kmeans 8 bits"),  # 8: of two codes of 4 bits
        *("block-mean", "pca", "kmeans 10 bits"),
    ]
    for job in planned.jobs:
        arguments = parse(job.words)
        run = planning.plan(arguments)[-1]  # after the baselines, if it is none
        assert resolve(run, open_data(arguments.data), arguments.output).path == job.record
        assert job.command.startswith("python -m benchmarks.run --quantizer ")
    assert planned.runs[8].name == "rq seed 0 codes_per_position=2 base=fsq levels=[4, 4]"
    assert planned.runs[0].log == Path("my runs/logs") / f"{planned.runs[0].record.stem}.log"


def test_a_run_that_is_watched_is_the_same_run(plan_of: PlanOf) -> None:
    plain = plan_of("- {quantizers: fsq, bits: 4}")
    watched = plan_of("- {quantizers: fsq, bits: 4, settings: {log: [jsonl, tensorboard]}}")
    assert [job.record for job in watched.jobs] == [job.record for job in plain.jobs]
    assert "--log jsonl tensorboard" in watched.runs[0].command


def test_what_several_groups_ask_for_is_done_once(plan_of: PlanOf) -> None:
    planned = plan_of("- {quantizers: [vq, fsq], bits: 4}\n- {quantizers: [fsq, block-mean], bits: [4, 5]}")
    assert [job.name for job in planned.jobs] == [
        "block-mean",
        "pca",
        "kmeans 4 bits",
        "kmeans 5 bits",
        "vq 4 bits seed 0",
        "fsq 4 bits seed 0",
        "fsq 5 bits seed 0",
    ]


def test_all_leaves_out_by_name_what_a_quantizer_cannot_have(plan_of: PlanOf) -> None:
    planned = plan_of("- {quantizers: all, bits: [4, 62]}")
    at_62 = {job.name.split()[0] for job in planned.runs if " 62 bits " in job.name}
    left_out = {sentence.partition(" at 62 bits: ")[0] for sentence in planned.left_out}
    assert "vq" in left_out
    assert "lfq" in at_62
    assert at_62 | left_out == {entry.name for entry in list_quantizers()}
    assert not at_62 & left_out


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"train.images": 48, "dim": 12, "cpu": True, "checkpoint-every": 7},
        {"data.flip": False, "data.limit-test": None, "data.root": Path("a b"), "data.workers": 0},
        {"model.multipliers": (1, 2, 2), "model.attention-resolutions": (8, 4), "train.betas": (0.0, 0.5)},
        {"loss.gan": "none", "train.learning-rate": 1e-9, "train.weight-ema": 0.0, "inception": Path("a b")},
    ],
)
@pytest.mark.parametrize("preset", ["smoke", "cpu"])
def test_words_are_read_as_the_arguments_that_they_stand_for(preset: str, flags: dict[str, Any]) -> None:
    default = parse(["--preset", preset])
    arguments = with_flags(default, flags)
    assert (arguments == default) == (not flags)
    assert parse(words(arguments)) == arguments


def test_a_backbone_brings_its_own_sizes_and_settings() -> None:
    default = parse(["--preset", "smoke", "--backbone", "vqvae2"])
    arguments = with_flags(default, {"model.top-downsamplings": 2, "train.images": 48})
    assert parse(words(arguments)) == arguments
    with pytest.raises(UsageError, match=r"model\.multipliers is no setting of this backbone"):
        with_flags(default, {"model.multipliers": (1, 2)})


def test_options_arrive_as_they_were_written() -> None:
    options = {"base": "fsq", "beta": 0.25, "levels": [8, 5], "learned": True, "none": None}
    assert parse_options(option_words(options)) == options
    assert parse_options(option_words({"levels": "(8, 5)"})) == {"levels": (8, 5)}


STORED = {
    "quick": ("quick", "."),
    "cpu": ("cpu", "."),
    "backbone-rates": ("quick", "backbone-rates"),
    "backbones": ("quick", "backbones"),
    "deferred": ("quick", "deferred"),
    "gan": ("cpu", "gan"),
    "ladder": ("quick", "ladder"),
    "lengths": ("quick", "lengths"),
    "recipe": ("quick", "recipe"),
    "speech": ("speech-quick", "."),
    "speech-recipe": ("speech-quick", "speech-recipe"),
    "video": ("video-quick", "."),
}
"""Name -> preset, and folder in results/."""


@pytest.mark.parametrize("name", STORED)
def test_the_stored_sweeps_can_be_read(name: str) -> None:
    sweep = read_sweep(SWEEPS / f"{name}.yaml").sweep
    preset, folder = STORED[name]
    assert sweep.preset == preset
    assert sweep.output == Path("results", folder)


def test_no_stored_sweep_goes_unread() -> None:
    assert {path.stem for path in SWEEPS.glob("*.yaml")} == STORED.keys()


def test_flags_stand_in_the_place_of_the_files_own_keys(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write("- {quantizers: fsq}")
    (tmp_path / "pictures").rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"sweep.yaml, line 2, data: .*pictures"):
        plan(read_sweep(path))
    planned = plan(read_sweep(path, {"data": "elsewhere", "output": Path("there")}))
    assert {job.record.parts[0] for job in planned.jobs} == {"there"}
    assert all(job.words[job.words.index("--data") + 1] == "elsewhere" for job in planned.jobs)
    with pytest.raises(UsageError, match=r"^--data: .*nowhere"):
        plan(read_sweep(path, {"data": "nowhere"}))
