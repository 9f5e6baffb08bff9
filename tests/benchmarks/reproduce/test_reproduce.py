"""Stored runs made again by the command: real trainings of some steps, only their speed is not measured."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import environment, experiment, run
from benchmarks.data.machine import cores
from benchmarks.reproduce.__main__ import main
from benchmarks.speed.measure import torch_threads

SMOKE = ["--preset", "smoke", "--cpu", "--train.images", "64"]
TERNARY = """
import torch
from quantizers import Quantizer
from quantizers.base import RowOutput
from quantizers.estimators import straight_through

class Ternary(Quantizer):
    is_projection = True

    def __init__(self, *, dim: int = 4) -> None:
        super().__init__(dim=dim, codebook_size=3**dim)
        self.register_buffer("powers", 3 ** torch.arange(dim), persistent=False)

    def quantize_rows(self, rows):
        digits = rows.clamp(-1, 1).round()
        codes = ((digits.long() + 1) * self.powers).sum(1, keepdim=True)
        return RowOutput(straight_through(rows, digits), codes, rows.new_zeros(()), {})

    def decode_rows(self, codes):
        return (codes // self.powers % 3 - 1).float()
"""


@pytest.fixture(scope="module", autouse=True)
def _clean_commit_and_no_timing() -> Iterator[None]:
    """As if the code were a commit's: while it is worked on, nothing can be said of what it was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "_commit", lambda: "c0ffee")
        patch.setattr(experiment, "measure_speed", lambda *_: {})
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, and below runs/ a row of two seeds on them."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "pictures").mkdir()
    random = np.random.default_rng(0)
    for index in range(20):
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((64, 48), Image.Resampling.BICUBIC).save(folder / "pictures" / f"{index:02}.png")
    words = [*SMOKE, "--data", str(folder / "pictures"), "--output", str(folder / "runs")]
    with torch_threads(1):
        assert run.main(["--quantizer", "fsq", "--seed", "0", "1", *words]) == 0
    return folder


@pytest.fixture(scope="module")
def again(home: Path) -> str:
    """A folder in which the row's first seed has been made again, so that no test needs to."""
    (path,) = home.glob("runs/smoke/pictures/fsq-*seed0-*.json")
    assert main([str(path), "--output", str(home / "again")]) == 0
    return str(home / "again")


@pytest.fixture
def altered(home: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the row, its first seed changed by a function; returns that seed's path."""

    def copy(change: Callable[[dict[str, Any]], None] = lambda record: None, name: str = "fsq", seeds: int = 2) -> Path:
        for seed in range(seeds):
            for path in home.glob(f"runs/smoke/pictures/{name}-*seed{seed}-*"):
                shutil.copy(path, tmp_path)
        (first,) = tmp_path.glob(f"{name}-*seed0-*.json")
        record = json.loads(first.read_text())
        change(record)
        first.write_text(json.dumps(record))
        return first

    return copy


def _compared(path: Path, folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what the command wrote as JSON."""
    report = folder / "report" / "agreement.json"
    code = main([str(path), "--json", str(report), *words])
    (entry,) = json.loads(report.read_text())
    return code, entry


def test_a_run_made_again_on_the_same_machine_agrees_exactly(
    altered: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = altered()
    before = sorted(tmp_path.iterdir())
    code, entry = _compared(path, tmp_path)
    assert code == 0
    assert entry["verdict"] == "agrees exactly"
    assert entry["exact_expected"]
    assert {"image/psnr", "code_counts", "curve/total", "samples/reconstruction"} <= set(entry["arrays"])
    assert "psnr" in {metric["name"] for metric in entry["metrics"]}
    assert "agrees exactly" in capsys.readouterr().out
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "report"])  # nothing else is left


def test_an_altered_number_does_not_agree(
    altered: Callable[..., Path], tmp_path: Path, again: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = altered(lambda record: record["metrics"].update(ssim=0.123))
    code, entry = _compared(path, tmp_path, "--output", again)
    assert code == 1
    assert [metric["name"] for metric in entry["metrics"] if metric["agrees"] is False] == ["ssim"]
    assert "does not agree" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("by", "seeds", "verdict"),
    [(1e-9, 2, "agrees within the seed spread"), (1e3, 2, "does not agree"), (1e-9, 1, "no verdict")],
)
def test_under_another_commit_the_seeds_decide(
    altered: Callable[..., Path],
    tmp_path: Path,
    again: str,
    capsys: pytest.CaptureFixture[str],
    by: float,
    seeds: int,
    verdict: str,
) -> None:
    def change(record: dict[str, Any]) -> None:
        record["environment"]["commit"] = "beef"
        record["metrics"]["psnr"] += by

    code, entry = _compared(altered(change, seeds=seeds), tmp_path, "--output", again)
    assert entry["verdict"] == verdict
    assert code == (0 if verdict.startswith("agrees") else 1)
    assert entry["environment"] == [{"name": "commit", "stored": "beef", "now": "c0ffee"}]
    shown = capsys.readouterr().out
    assert verdict in shown
    assert "commit: beef then, c0ffee now" in shown
    assert ("--results" in shown) == (verdict == "no verdict")


def test_seeds_are_found_where_results_says(
    altered: Callable[..., Path], tmp_path: Path, home: Path, again: str
) -> None:
    def change(record: dict[str, Any]) -> None:
        record["environment"]["commit"] = "beef"
        record["metrics"]["psnr"] += 1e-9

    path = altered(change, seeds=1)
    code, entry = _compared(path, tmp_path, "--output", again, "--results", str(home / "runs"))
    assert code == 0
    assert entry["seeds"] == [0, 1]


def test_the_stored_number_of_threads_is_used_and_the_baseline_has_no_seeds(
    altered: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = torch.get_num_threads()
    threads = cores() + 1
    path = altered(lambda record: record["environment"].update(threads=threads), name="block-mean", seeds=1)
    code, entry = _compared(path, tmp_path)
    assert code == 0
    assert entry["environment"] == []
    assert f"{threads} threads as in the stored run" in capsys.readouterr().out
    assert torch.get_num_threads() == before


def test_pictures_elsewhere_are_named_by_data(
    altered: Callable[..., Path], tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(record: dict[str, Any]) -> None:
        record["config"]["settings"]["data"]["source"] = "no/such/pictures"

    path = altered(change, name="block-mean", seeds=1)
    assert main([str(path)]) == 2
    said = capsys.readouterr().err
    assert "no/such/pictures" in said
    assert "--data" in said
    shutil.copytree(home / "pictures", tmp_path / "elsewhere")
    assert main([str(path), "--data", str(tmp_path / "elsewhere")]) == 0
    (tmp_path / "elsewhere" / "00.png").unlink()
    assert main([str(path), "--data", str(tmp_path / "elsewhere")]) == 2
    said = capsys.readouterr().err
    assert "are not those that it was" in said
    assert "15 + 4" in said
    assert "16 + 4" in said


def test_what_is_wrong_is_said_in_a_sentence(
    altered: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def settings(record: dict[str, Any]) -> dict[str, Any]:
        return record["config"]["settings"]["train"]

    changes: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
        (lambda record: record.update(protocol="reconstruction/0"), "reconstruction/0"),
        (lambda record: record.update(schema_version=99), "newer version"),
        (lambda record: record.pop("metrics"), "metrics"),
        (lambda record: settings(record).update(images=80), "other settings"),
        (lambda record: settings(record).update(images="many"), "settings.train.images"),
    ]
    for change, said in changes:
        assert main([str(altered(change))]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert said in error
    for words, said in ([], "RUN.json"), (["nowhere.json"], "nowhere.json"):
        assert main(words) == 2
        assert said in capsys.readouterr().err
    path = altered()
    (tmp_path / "file").write_text("")
    for flag in ("--output", "--json"):
        assert main([str(path), flag, str(tmp_path / "file" / "below")]) == 2
        assert f"cannot write to {flag}" in capsys.readouterr().err.replace("write --json", "write to --json")


def test_the_folder_of_the_run_itself_is_no_output(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = home.glob("runs/smoke/pictures/fsq-*seed0-*.json")
    stored = path.read_bytes()
    assert main([str(path), "--output", str(home / "runs")]) == 2
    assert "name another folder" in capsys.readouterr().err
    assert path.read_bytes() == stored


def test_a_stopped_command_goes_on_and_what_is_done_is_not_done_again(
    altered: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @contextmanager
    def at_once() -> Iterator[Callable[[], bool]]:
        yield lambda: True

    words = [str(altered()), "--output", str(tmp_path / "again")]
    with monkeypatch.context() as patch:
        patch.setattr(run, "interruptible", at_once)
        assert main(words) == 130
        assert "the same command goes on" in capsys.readouterr().err
        assert main(words[:1]) == 130
        assert "nothing is kept" in capsys.readouterr().err
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "going on from step 1 of 4" in shown
    assert "agrees exactly" in shown
    assert main(words) == 0
    assert "done already" in capsys.readouterr().out


def test_a_run_that_cannot_be_made_again_does_not_agree_and_leaves_the_others(
    altered: Callable[..., Path], tmp_path: Path, again: str
) -> None:
    first = altered()
    (other,) = tmp_path.glob("fsq-*seed1-*.json")
    broken = Path(again) / "smoke" / "pictures" / f"{other.stem}.checkpoint.safetensors"
    broken.write_text("no checkpoint")
    report = tmp_path / "agreement.json"
    assert main([str(other), str(first), "--output", again, "--json", str(report)]) == 1
    broken.unlink()
    failed, fine = json.loads(report.read_text())
    assert failed["verdict"] == "does not agree"
    assert broken.name in failed["failure"]
    assert fine["verdict"] == "agrees exactly"


def test_a_quantizer_from_outside_is_found_and_its_changes_are_seen(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "reproduced_quantizer.py"
    module.write_text(TERNARY)
    words = [*SMOKE, "--data", str(home / "pictures"), "--output", str(home / "runs"), "--bits"]
    with monkeypatch.context() as patch, torch_threads(1):
        patch.syspath_prepend(str(tmp_path))
        assert run.main(["--quantizer", "reproduced_quantizer:Ternary", *words]) == 0
        (path,) = home.rglob("reproduced_quantizer.Ternary*.json")
        module.write_text(TERNARY + "\n# changed\n")
        code, entry = _compared(path, tmp_path)
    assert code == 0  # the numbers are equal all the same
    assert [each["name"] for each in entry["environment"]] == ["quantizer's source"]
    monkeypatch.delitem(__import__("sys").modules, "reproduced_quantizer")
    assert main([str(path)]) == 2
    assert "can be imported" in capsys.readouterr().err


def test_help_says_what_agreement_means(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "every number must be equal" in shown
    assert os.sep + "work" not in shown
