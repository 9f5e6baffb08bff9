"""Broken and hostile files: none runs anything or takes much memory, and each is refused in one sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from hostile_files import Hostile, code, files
from hostile_models import CONFIG_JSON, SMALL, right, wrapped

from autoencoders.pretrained import list_pretrained

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CHILD = ROOT / "tests" / "support" / "hostile_models.py"

FOR_ALL = {
    "code mkdir alone.ckpt",
    "code eval as weights.ckpt",
    "code system beside, older.pt",
    "opcodes global.pt",
    "truncated to 0.9.ckpt",
    "truncated to 0.5.safetensors",
    "empty.ckpt",
    "page.safetensors",
    "archive of numbers for names.ckpt",
    "archive of a terabyte declared.ckpt",
    "archive that swells.ckpt",
    "NaN for taming.bin",
    "a folder.ckpt",
    "a link to itself.ckpt",
    "a pipe.ckpt",
    "nothing.ckpt",
}
"""Files that every published model's loader is given; the others are given to one each."""


class Tried(NamedTuple):
    file: str
    target: str
    path: Path
    outcome: str
    message: str


class Run(NamedTuple):
    tried: list[Tried]
    grown: int
    canary: Path


def write(hostile: Hostile, folder: Path) -> Path:
    """A folder of its own for each, where a folder of diffusers would have its weights."""
    place = folder / hostile.name
    place.mkdir(parents=True)
    (place / "config.json").write_text(json.dumps(CONFIG_JSON))
    path = place / f"diffusion_pytorch_model.{'safetensors' if place.suffix == '.safetensors' else 'bin'}"
    hostile.write(path)
    return path


def load_all(jobs: list[tuple[str, Path]], folder: Path) -> tuple[list[list[str]], int]:
    """In a process of its own, whose memory says what the files took."""
    listed = folder / "jobs.json"
    listed.write_text(json.dumps([[target, str(path)] for target, path in jobs]))
    places = os.pathsep.join([str(ROOT), str(CHILD.parent)])
    done = subprocess.run(
        [sys.executable, CHILD, listed],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found = json.loads(done.stdout)
    return found["outcomes"], found["grown"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("hostile")
    canary = folder / "canary"
    targets = list(SMALL)
    jobs: list[tuple[str, str, Path]] = []
    for index, hostile in enumerate(files(canary)):
        path = write(hostile, folder / "files")
        jobs.append((hostile.name, hostile.target or targets[index % len(targets)], path))
        if hostile.name in FOR_ALL:
            jobs += [(hostile.name, model.name, path) for model in list_pretrained()]
    outcomes, grown = load_all([(target, path) for _, target, path in jobs], folder)
    tried = [Tried(*job, *outcome) for job, outcome in zip(jobs, outcomes, strict=True)]
    return Run(tried, grown, canary)


def test_there_are_many(run: Run) -> None:
    names = [tried.file for tried in run.tried]
    assert len(set(names)) >= 250
    assert set(names) >= FOR_ALL
    assert {tried.target for tried in run.tried} == SMALL.keys() | {model.name for model in list_pretrained()}


def test_none_runs_anything(run: Run) -> None:
    assert not run.canary.exists()


def test_all_are_refused(run: Run) -> None:
    others = [tried for tried in run.tried if tried.outcome != "refused"]
    assert not others, "\n".join(f"{of.target}: {of.file}: {of.outcome} {of.message}" for of in others)


def test_each_message_is_one_line_that_names_the_file(run: Run) -> None:
    for tried in run.tried:
        # of a folder, its configuration or its weights
        assert str(tried.path.parent) in tried.message, tried
        assert tried.message.isprintable(), tried
        assert len(tried.message) < 2000, tried
        assert "Traceback (most recent" not in tried.message, tried


def test_the_memory_stays_bounded(run: Run) -> None:
    assert run.grown < 100 * 1024  # KiB; single files declare up to an exabyte, and one swells to 256 MiB


@pytest.mark.parametrize("target", SMALL)
def test_without_their_faults_they_are_loaded(target: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG_JSON))
    path = tmp_path / "diffusion_pytorch_model.bin"
    torch.save(wrapped(target, dict(right(target))), path)
    SMALL[target](path)


def test_the_code_in_them_would_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for name, suffix, content in code(canary):
        if name.startswith("code") and "bare" not in name:
            path = tmp_path / f"x{suffix}"
            path.write_bytes(content)
            torch.load(path, weights_only=False)
            assert canary.exists(), name
            canary.rmdir()
