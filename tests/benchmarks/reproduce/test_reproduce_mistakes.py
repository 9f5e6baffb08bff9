"""What cannot be made again, and what is asked for wrongly, is said in a sentence."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reproduce.__main__ import main


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


def test_help_says_what_agreement_means(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "every number must be equal" in shown
    assert os.sep + "work" not in shown
