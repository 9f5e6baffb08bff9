"""A stored prior is drawn from again and again: without training, by class, as single pictures, after a kill."""

import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from benchmarks import compare, load_run
from benchmarks.generate import experiment
from benchmarks.records.generation import PROTOCOL
from benchmarks.records.priors import Generation, read_generations, read_prior
from benchmarks.records.values import digest

HOT = ("--generation.sampling.temperature", 0.5, "--generation.sampling.top-p", 0.9)


def samples(folder: Path) -> dict[str, Generation]:
    """The samplings of a folder, by what was changed."""
    problems: list[str] = []
    found = read_generations([folder], problems)
    assert problems == []
    return {str(dict(sorted(of.sampling.changes.items()))): of for of in found}


def pictures(of: Generation) -> np.ndarray:
    """The stored pictures of a sampling."""
    with np.load(of.path.with_name(f"{of.sampling.id}.npz")) as found:
        return found["samples"]


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on nothing can be trained."""

    def refuse(*words: object) -> None:
        raise AssertionError("a prior is trained")

    return lambda: monkeypatch.setattr(experiment, "PriorTrainer", refuse)


def test_another_sampling_trains_nothing_and_is_what_it_were_alone(generate, fsq: Path, tmp_path: Path, no_training):
    alone = shutil.copytree(fsq.parent, tmp_path / "alone")
    assert generate("--run", alone / fsq.name, *HOT) == 0
    assert generate("--run", fsq) == 0
    (prior,) = fsq.parent.glob("prior-*.json")
    before = prior.read_bytes(), prior.with_suffix(".safetensors").read_bytes()
    no_training()
    assert generate("--run", fsq, *HOT) == 0
    assert generate("--run", fsq, "--generation.seed", 5, "--generation.count", 20) == 0
    found = samples(fsq.parent)
    assert len(found) == 3
    assert {of.path for of in found.values()} == {prior}
    assert (prior.read_bytes(), prior.with_suffix(".safetensors").read_bytes()) == before
    changes = {"generation.sampling.temperature": 0.5, "generation.sampling.top_p": 0.9}
    (other,) = samples(alone).values()
    again = found[str(changes)]
    assert again.sampling.metrics == other.sampling.metrics
    np.testing.assert_array_equal(pictures(again), pictures(other))
    plain = pictures(found["{}"])
    assert not np.array_equal(pictures(again), plain)
    reseeded = pictures(found[str({"generation.count": 20, "generation.seed": 5})])
    assert len(reseeded) == 20
    assert not np.array_equal(reseeded, plain[:20])
    assert compare.command([str(fsq.parent)]) == 0
    run = load_run(fsq)  # one prior, whatever was drawn from it
    assert run.sample(2).shape == (2, 3, 32, 32)


def test_the_seed_of_the_prior_is_no_other_sampling(generate, fsq: Path, no_training, capsys) -> None:
    assert generate("--run", fsq) == 0
    no_training()
    assert generate("--run", fsq, "--generation.seed", 0) == 0
    assert "done already" in capsys.readouterr().out


def test_a_prior_without_its_weights_is_trained_again(generate, stored, fsq: Path, capsys) -> None:
    assert generate("--run", fsq) == 0
    weights = stored(fsq.parent).path.with_suffix(".safetensors")
    before = load_file(weights)
    weights.unlink()
    assert generate("--run", fsq, *HOT) == 0
    assert "is not there; training it again" in capsys.readouterr().out
    for name, value in load_file(weights).items():
        assert torch.equal(value, before[name])
    assert len(samples(fsq.parent)) == 2


def test_weights_of_another_prior_are_refused(generate, stored, fsq: Path, capsys) -> None:
    assert generate("--run", fsq) == 0
    weights = stored(fsq.parent).path.with_suffix(".safetensors")
    save_file(load_file(weights), weights, metadata={"prior": "prior-other"})
    assert generate("--run", fsq, *HOT) == 1
    assert "the weights of prior-other" in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_a_killed_sampling_begins_again(start, generate, stored, fsq: Path, capsys, no_training) -> None:
    words = ("--run", str(fsq), "--generation.batch-size", "1", "--generation.count")
    process = start("benchmarks.generate", *words, "100000", "--cpu")
    while process.poll() is None and not list(fsq.parent.glob("prior-*-??????????.json")):
        time.sleep(0.01)
    time.sleep(0.5)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not list(fsq.parent.glob("samples-*.json"))
    assert stored(fsq.parent).sampling is None
    no_training()
    assert generate(*words, "8") == 0
    assert stored(fsq.parent).sampling.generated == 8
    assert compare.command([str(fsq.parent)]) == 0


def test_classes_by_name_and_number(generate, fsq: Path, classes, no_training, tmp_path: Path, capsys) -> None:
    few = ("--run", fsq, *classes, "--generation.count", 6)
    assert generate(*few) == 0
    no_training()
    assert generate(*few, "--class", "dog", "--png", tmp_path / "dogs") == 0
    assert sorted(path.name for path in (tmp_path / "dogs").iterdir()) == [f"{n:05}-dog.png" for n in range(6)]
    capsys.readouterr()
    assert generate(*few, "--class", 1) == 0
    assert "done already" in capsys.readouterr().out  # dog is 1
    found = samples(fsq.parent)
    dogs = found[str({"class": ["dog"], "generation.count": 6})]
    with np.load(dogs.path.with_name(f"{dogs.sampling.id}.npz")) as arrays:
        assert arrays["labels"].tolist() == [1] * 6
    every = found[str({"generation.count": 6})]
    with np.load(every.path.with_name(f"{every.sampling.id}.npz")) as arrays:
        assert arrays["labels"].tolist() == [0, 1] * 3
    assert "of 1 of 2 classes" in dogs.sampling.notes["generated_swd"]
    assert "classes" not in every.sampling.notes["generated_swd"]
    with Image.open(every.path.with_name(f"{every.sampling.id}.png")) as sheet:
        assert sheet.height > 2 * 66 - 2  # names stand below the pictures
    assert compare.command([str(fsq.parent), "--format", "markdown", "--columns", "generated_swd"]) == 0
    assert "| fsq class=dog generation.count=6 " in capsys.readouterr().out


def test_no_such_class(generate, fsq: Path, classes, capsys) -> None:
    assert generate("--run", fsq, *classes, "--class", "horse") == 2
    assert "--class horse: there is no such class; there are 0 to 1: cat, dog" in capsys.readouterr().err
    assert generate("--run", fsq, *classes, "--class", "2") == 2
    assert generate("--run", fsq, "--class", "0") == 2
    assert "--class needs a prior with classes" in capsys.readouterr().err
    guided = ("--generation.sampling.guidance", 2, "--model.label-dropout", 0)
    assert generate("--run", fsq, *classes, *guided) == 2
    assert "--model.label-dropout above 0" in capsys.readouterr().err
    assert not list(fsq.parent.glob("prior-*"))  # said before the training


def test_single_pictures_are_the_stored_ones(generate, stored, fsq: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    words = ("--run", fsq, "--generation.count", 70, "--png", out)
    assert generate(*words) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == [f"{number:05}.png" for number in range(70)]
    shown = pictures(stored(fsq.parent))
    for number, picture in enumerate(shown):
        np.testing.assert_array_equal(np.asarray(Image.open(out / names[number])).transpose(2, 0, 1), picture)
    (out / names[3]).unlink()  # as after a kill
    capsys.readouterr()
    assert generate(*words) == 0  # what is stored already, drawn again for its pictures
    assert "done already" in capsys.readouterr().out
    np.testing.assert_array_equal(np.asarray(Image.open(out / names[3])).transpose(2, 0, 1), shown[3])
    assert generate(*words, *HOT) == 2
    assert "of something else" in capsys.readouterr().err
    for name in names:
        (out / name).unlink()
    (out / "mine.txt").write_text("x")
    assert generate(*words) == 2
    assert "mine.txt" in capsys.readouterr().err
    assert (out / "mine.txt").read_text() == "x"
    assert generate("--run", fsq, "--png", out / "mine.txt") == 2


def test_several_runs_have_folders_of_their_own(generate, runs: Path, tmp_path: Path) -> None:
    paths = [*runs.glob("rq-*.json"), *runs.glob("fsq-*.json")]
    assert generate("--run", *paths, "--generation.count", 2, "--png", tmp_path / "out") == 0
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png"))
    assert found == sorted(f"{path.stem}/0000{number}.png" for path in paths for number in range(2))


def test_files_of_schema_1_are_read() -> None:
    """One of this project's own, as it was stored."""
    file = Path(__file__).with_name("prior-schema-1.json")
    raw = json.loads(file.read_text())
    ((_, prior, sampling),) = read_generations([file], [])
    assert prior.settings == read_prior(file).settings == "6d5453868e"
    assert set(prior.config) == {"model", "flatten", "train"}
    assert (prior.id, prior.seed, prior.changes) == (raw["id"], 0, {})
    assert {**prior.metrics, **sampling.metrics} == raw["metrics"]
    assert sampling.speed == raw["speed"]
    assert sampling.prior == sampling.id == prior.id
    assert sampling.config["sampling"] == raw["config"]["generation"]["sampling"]


def as_schema_1(of: Generation, changes: dict[str, object]) -> None:
    """Store a prior and its sampling as this program did up to schema 1."""
    generation = {name: value for name, value in of.sampling.config.items() if name not in ("seed", "classes")}
    prior = json.loads(of.prior.model_dump_json(exclude={"class_names", "weights"}))
    drawn = json.loads(of.sampling.model_dump_json())
    config = {**prior["config"], "generation": generation}
    del config["delay"]  # an order that there was not yet
    raw = {
        **prior,
        **{name: drawn[name] for name in ("missing", "notes", "generated", "references", "speed")},
        "schema_version": 1,
        "config": config,
        "settings": digest(digest(prior["prior"], config, PROTOCOL), None, None),
        "changes": {**prior["changes"], **changes},
        "metrics": {**prior["metrics"], **drawn["metrics"]},
    }
    of.path.write_text(json.dumps(raw))
    for file in of.path.parent.glob(f"{drawn['id']}*"):
        file.unlink()


def test_a_prior_of_schema_1_is_drawn_from_where_it_lies(generate, stored, fsq: Path, no_training, capsys) -> None:
    assert generate("--run", fsq, *HOT) == 0
    of = stored(fsq.parent)
    as_schema_1(of, of.sampling.changes)
    for file in fsq.parent.glob("prior-*"):  # its name was made of the sampling, too
        file.rename(file.with_name(file.name.replace(of.path.stem, "prior-" + fsq.stem + "-1111111111")))
    old = fsq.with_name(f"prior-{fsq.stem}-1111111111.json")
    old.write_text(old.read_text().replace(of.path.stem, old.stem))
    weights = old.with_suffix(".safetensors")
    save_file(load_file(weights), weights, metadata={"prior": old.stem})
    no_training()
    assert generate("--run", fsq, *HOT) == 0
    assert "done already" in capsys.readouterr().out
    before = old.read_bytes()
    assert generate("--run", fsq) == 0
    found = samples(fsq.parent)
    assert {of.path for of in found.values()} == {old}
    assert set(found) == {"{}", str(of.sampling.changes)}
    assert old.read_bytes() == before
    assert compare.command([str(fsq.parent), "--columns", "generated_swd"]) == 0
    assert "fsq temperature=0.5 top-p=0.9" in capsys.readouterr().out
