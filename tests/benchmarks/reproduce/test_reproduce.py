"""Stored runs made again by the command: when they agree, and what a stop leaves."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import run
from benchmarks.data.machine import cores, torch_threads
from benchmarks.reproduce.__main__ import main
from benchmarks.training import experiment

Compared = Callable[..., tuple[int, dict[str, Any]]]
"""The fixture `compared`: a run made again, its exit code and what the command wrote as JSON."""


@pytest.mark.slow
def test_a_run_made_again_on_the_same_machine_agrees_exactly(
    compared: Compared, altered: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = altered()
    before = sorted(tmp_path.iterdir())
    code, entry = compared(path)
    assert code == 0
    assert entry["verdict"] == "agrees exactly"
    assert entry["exact_expected"]
    assert {"image/psnr", "code_counts", "curve/total", "samples/reconstruction"} <= set(entry["arrays"])
    assert "psnr" in {metric["name"] for metric in entry["metrics"]}
    assert "agrees exactly" in capsys.readouterr().out
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "report"])  # nothing else is left


def test_an_altered_number_does_not_agree(
    compared: Compared, altered: Callable[..., Path], again: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = altered(lambda record: record["metrics"].update(ssim=0.123))
    code, entry = compared(path, "--output", again)
    assert code == 1
    assert [metric["name"] for metric in entry["metrics"] if metric["agrees"] is False] == ["ssim"]
    assert "does not agree" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("by", "seeds", "verdict"),
    [(1e-9, 2, "agrees within the seed spread"), (1e3, 2, "does not agree"), (1e-9, 1, "no verdict")],
)
def test_under_another_commit_the_seeds_decide(
    compared: Compared,
    altered: Callable[..., Path],
    again: str,
    capsys: pytest.CaptureFixture[str],
    by: float,
    seeds: int,
    verdict: str,
) -> None:
    def change(record: dict[str, Any]) -> None:
        record["environment"]["commit"] = "beef"
        record["metrics"]["psnr"] += by

    code, entry = compared(altered(change, seeds=seeds), "--output", again)
    assert entry["verdict"] == verdict
    assert code == (0 if verdict.startswith("agrees") else 1)
    assert entry["environment"] == [{"name": "commit", "stored": "beef", "now": "c0ffee"}]
    shown = capsys.readouterr().out
    assert verdict in shown
    assert "commit: beef then, c0ffee now" in shown
    assert ("--results" in shown) == (verdict == "no verdict")


def test_seeds_are_found_where_results_says(
    compared: Compared, altered: Callable[..., Path], home: Path, again: str
) -> None:
    def change(record: dict[str, Any]) -> None:
        record["environment"]["commit"] = "beef"
        record["metrics"]["psnr"] += 1e-9

    path = altered(change, seeds=1)
    code, entry = compared(path, "--output", again, "--results", str(home / "runs"))
    assert code == 0
    assert entry["seeds"] == [0, 1]


def test_the_stored_number_of_threads_is_used_and_the_baseline_has_no_seeds(
    compared: Compared, smoke_words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = torch.get_num_threads()
    threads = cores() + 1
    with torch_threads(threads):
        assert run.main(["--quantizer", "block-mean", *smoke_words, "--output", str(tmp_path / "more")]) == 0
    (path,) = tmp_path.glob("more/smoke/pictures/block-mean-*.json")
    code, entry = compared(path)
    assert code == 0
    assert entry["environment"] == []
    assert f"as in the stored run {threads} threads, and " in capsys.readouterr().out
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
        patch.setattr(experiment, "interruptible", at_once)
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
