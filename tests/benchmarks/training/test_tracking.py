"""A training that is watched is the training that is not, and what is told of it is whole, however often it stops."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from killed import kill_command_at_call
from PIL import Image
from safetensors.torch import load_file
from smoke_training import smoke_batches, smoke_settings, smoke_trainer, state_of

from benchmarks.data.machine import torch_threads
from benchmarks.records.arrays import read_arrays
from benchmarks.records.files import find_records
from benchmarks.records.record import read_record
from benchmarks.run import main
from benchmarks.training.loop import TrainingStopped, learning_rate
from benchmarks.training.tracking import names
from benchmarks.training.tracking.jsonl import JsonlTracker
from benchmarks.training.tracking.tracked import tracked

Start = Callable[..., "subprocess.Popen[str]"]
WORDS = ("--quantizer", "vq-ema", "--bits", "4", "--preset", "smoke", "--cpu")
WORDS = (*WORDS, "--train.images", "320", "--checkpoint-every", "6")
STEPS = list(range(1, 21))


def run(*words: str) -> Path:
    """The command in this process on one thread; its record."""
    output = Path(words[words.index("--output") + 1])
    with torch_threads(1):
        assert main([*WORDS, *words]) == 0
    (path,) = output.rglob("vq-ema-*.json")
    return path


def lines(record: Path) -> list[dict[str, float]]:
    """What the jsonl tracker was told."""
    return [json.loads(line) for line in (record.with_suffix(".logs") / "curves.jsonl").read_text().splitlines()]


def scalars(record: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows: steps and values, by tag; and the steps of its pictures."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(record.with_suffix(".logs") / "tensorboard"), {"scalars": 0, "images": 0})
    events.Reload()
    told = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    del told["images_per_second"]
    return told | {"samples": [(event.step, event.height) for event in events.Images("samples")]}


def without_speed(curves: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in line.items() if name != "images_per_second"} for line in curves]


def weights(record: Path) -> dict[str, bytes]:
    """Byte by byte; the file around them says its metadata in any order."""
    found = load_file(record.with_suffix(".safetensors"))
    return {name: tensor.numpy().tobytes() for name, tensor in found.items()}


def pictures_of(record: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in record.with_suffix(".logs").glob("*.png")}


@pytest.mark.slow
def test_watched_or_not_killed_or_not_it_is_the_same_training(tmp_path: Path, pictures: Path) -> None:
    data = ("--data", str(pictures))
    trackers = (*data, "--log", "jsonl", "tensorboard")
    plain = run("--output", str(tmp_path / "plain"), *data)
    whole = run("--output", str(tmp_path / "whole"), *trackers)
    assert weights(plain) == weights(whole)
    one, two = (read_record(path) for path in (plain, whole))
    assert (one.id, one.config, one.metrics, one.command) == (two.id, two.config, two.metrics, two.command)
    assert not plain.with_suffix(".logs").exists()

    told, stored = lines(whole), read_arrays(whole, ["curve"])
    assert [line["step"] for line in told] == STEPS
    for name, values in stored.items():
        name = name.removeprefix("curve/")
        assert [line.get(name, np.nan) for line in told] == pytest.approx(list(values), nan_ok=True), name
    rates = [learning_rate(smoke_settings(images=320).train, step - 1) for step in STEPS]
    assert [line["learning_rate"] for line in told] == pytest.approx(rates)
    shown = scalars(whole)
    assert {"total", "perplexity", "usage", "learning_rate"} <= shown.keys()
    assert shown["perplexity"] == [(line["step"], pytest.approx(line["perplexity"])) for line in told]
    assert [step for step, _ in shown["samples"]] == STEPS[1::2]
    assert sorted(pictures_of(whole)) == [f"samples-{step:08}.png" for step in STEPS[1::2]]
    settings = json.loads((whole.with_suffix(".logs") / "hyperparameters.json").read_text())
    assert (settings["quantizer"], settings["settings.train.images"]) == ("vq-ema", 320)

    killed = ("--output", str(tmp_path / "killed"), *trackers)
    log = "benchmarks.training.tracking.jsonl:JsonlTracker.log"
    kill_command_at_call(log, 9, "benchmarks.run", [*WORDS, *killed])
    (folder,) = (tmp_path / "killed").rglob("*.logs")
    assert len((folder / "curves.jsonl").read_text().splitlines()) == 9  # and the checkpoint is of step 6
    again = run(*killed)
    assert without_speed(lines(again)) == without_speed(told)
    assert scalars(again) == shown
    assert pictures_of(again) == pictures_of(whole)
    assert weights(again) == weights(plain)
    assert list(find_records([tmp_path / "whole"])) == sorted(whole.parent.glob("*.json"))  # none of the trackers'


@pytest.mark.slow
def test_of_two_processes_one_writes(start: Start, tmp_path: Path, pictures: Path) -> None:
    words = ("--data", str(pictures), "--loss.gan", "none", "--log-with", "jsonl", "tensorboard")
    process = start("benchmarks.run", *WORDS, *words, processes=2)
    shown, _ = process.communicate(timeout=240)
    assert process.returncode == 0, shown
    (path,) = tmp_path.rglob("vq-ema-*.json")
    assert [line["step"] for line in lines(path)] == STEPS
    assert [step for step, _ in scalars(path)["total"]] == STEPS
    assert len(list((path.with_suffix(".logs") / "tensorboard").glob("events*"))) == 1


@pytest.mark.slow
def test_wandb_goes_on_offline_under_the_same_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    settings = smoke_settings()
    checkpoint = tmp_path / "checkpoint.safetensors"

    def train(until: int) -> list[str]:
        """The ids of what wandb keeps once the training has come to a step."""
        trainer = smoke_trainer(settings)
        trainer.resume(checkpoint)
        picture = Image.new("RGB", (8, 8))
        with tracked(lambda now: None, ["wandb"], tmp_path / "logs", trainer, {"a": {"b": 1}}, lambda: picture) as tell:
            batches = smoke_batches(settings, trainer.step)
            trainer.fit(iter(batches), checkpoint, 100, tell, lambda: trainer.step == until)
        folders = sorted((tmp_path / "logs" / "wandb").glob("offline-run-*"), key=lambda path: path.stat().st_mtime)
        return [folder.name.rpartition("-")[2] for folder in folders]

    with torch_threads(1):
        with pytest.raises(TrainingStopped):
            train(until=4)
        one, two = train(until=10)
        assert one == two
        media = list((tmp_path / "logs" / "wandb").rglob("media/images/*.png"))
        assert len(media) == 10
        checkpoint.unlink()
        assert len(set(train(until=10))) == 2  # begun anew: another one


@pytest.mark.parametrize(
    ("quantizer", "changes", "train"),
    [("vq-ema", {}, {}), ("gumbel", {}, {"weight_ema": 0.0}), ("vq", {"deferred": 0.5}, {})],
)
def test_a_look_leaves_the_training_as_it_was(quantizer: str, changes: dict, train: dict) -> None:
    settings = replace(smoke_settings(**train), **changes)
    pictures = smoke_batches(settings)[0][:2]
    states = []
    for look in (lambda trainer: None, lambda trainer: trainer.reconstruct(pictures)):
        with torch_threads(1):
            trainer = smoke_trainer(settings, quantizer)
            trainer.fit(iter(smoke_batches(settings)), on_progress=lambda now, look=look, of=trainer: look(of))
        states.append(state_of(trainer))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_look_is_at_what_would_be_evaluated_and_before_the_quantizer_at_what_is_there() -> None:
    settings = replace(smoke_settings(), deferred=0.5)
    trainer = smoke_trainer(settings, "vq")
    pictures = smoke_batches(settings)[0][:2]
    looks = []

    def look() -> bool:
        """Whether the codebook has a part in it."""
        looks.append(trainer.reconstruct(pictures))
        codebook = next(trainer.average.module.quantizer.codebook.parameters())
        codebook.data.neg_()
        other = trainer.reconstruct(pictures)
        codebook.data.neg_()
        return not torch.equal(looks[-1], other)

    matters = []
    with torch_threads(1):
        trainer.fit(iter(smoke_batches(settings)), on_progress=lambda now: matters.append(look()))
        end = trainer.evaluated()(pictures.float() / 127.5 - 1).reconstruction
    assert matters == [False] * 5 + [True] * 5
    torch.testing.assert_close(looks[-1], end)


def test_jsonl_drops_what_a_killed_training_left_past_its_checkpoint(tmp_path: Path) -> None:
    first = JsonlTracker(tmp_path / "logs")
    first.start()
    for step in range(1, 6):
        first.log({"total": 1.0 / step, "broken": float("nan")}, step)
        first.log_images({"samples": np.zeros((1, 2, 2, 3), np.uint8)}, step)
    with first.tracker.open("a") as file:
        file.write('{"step": 6, "tot')
    JsonlTracker(tmp_path / "logs", 3).start()
    kept = [json.loads(line) for line in first.tracker.read_text().splitlines()]
    assert kept == [{"step": step, "total": 1.0 / step, "broken": None} for step in (1, 2, 3)]
    assert len(list((tmp_path / "logs").glob("*.png"))) == 3


@pytest.mark.parametrize("tracker", ["tensorboard", "wandb"])
def test_a_tracker_that_is_not_installed_gets_a_sentence(
    tracker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(names, "find_spec", lambda name: None)
    assert main([*WORDS, "--output", str(tmp_path / "runs"), "--log", "jsonl", tracker]) == 2
    assert f"pip install 'quantizer-zoo-benchmark[{tracker}]'" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_where_wandb_cannot_start_the_run_fails_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import wandb

    def refuse(**words: object) -> None:
        raise wandb.errors.UsageError("no API key configured")

    monkeypatch.setattr(wandb, "init", refuse)
    with torch_threads(1):
        assert main([*WORDS, "--output", str(tmp_path / "runs"), "--log", "wandb"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "vq-ema 4 bits seed 0: --log wandb: no API key configured" in said
    assert "WANDB_MODE=offline" in said
    shutil.rmtree(tmp_path / "runs")
