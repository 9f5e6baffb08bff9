"""All commands under one name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import COMMANDS, DISTRIBUTION
from benchmarks.command_line.process import START

ROOT = Path(__file__).parents[2]
SCRIPT = Path(sys.executable).with_name("quantizer-zoo")


def _said(*words: str, folder: Path = ROOT, code: int = 0) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_every_command_is_there() -> None:
    started = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for path in (ROOT / "benchmarks").rglob("*.py")
        if re.search(r'^if __name__ == "__main__":', path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert started - {"benchmarks"} | {"quantizers.testing"} == {module for module, _ in COMMANDS.values()}


def test_without_a_word_it_says_what_there_is() -> None:
    for words in ((), ("--help",)):
        shown = _said(*START, *words)
        assert all(f"  {name} " in shown for name in COMMANDS)


def test_its_version() -> None:
    assert re.fullmatch(r"quantizer-zoo \d+\.\d+\.\d+\n", _said(*START, "--version"))
    assert DISTRIBUTION in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_a_mistyped_command_is_a_sentence() -> None:
    assert _said(*START, "comapre", code=2) == "error: no command 'comapre': did you mean compare?\n"
    assert _said(*START, "../run", code=2).startswith("error: no command '../run'")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Somebody's own, with a package of our name and a quantizer in it."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/__init__.py").write_text("raise RuntimeError('theirs')")
    (tmp_path / "mine.py").write_text("from quantizers import FSQ\n\n\nclass Mine(FSQ):\n    '''Mine.'''\n")
    return tmp_path


@pytest.mark.parametrize(
    "start",
    [pytest.param((str(SCRIPT),), marks=pytest.mark.skipif(not SCRIPT.exists(), reason="not installed")), START],
)
def test_it_is_not_hidden_by_a_folder_of_its_name(start: tuple[str, ...], project: Path) -> None:
    assert "vq-ema" in _said(*start, "run", "--list", folder=project)
    mistyped = _said(*start, "run", "--quantizer", "mine:Mine", "--options", "level=3", folder=project, code=2)
    assert "levels" in mistyped  # it was found
