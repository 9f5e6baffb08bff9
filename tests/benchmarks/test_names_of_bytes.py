"""No name of a file ends a command, whatever its bytes: files and folders here have names that are not UTF-8."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from benchmarks import run
from benchmarks.data import DataConfig, open_data, open_evaluation_data, open_pairs
from benchmarks.evaluate.__main__ import main as evaluate
from benchmarks.tokens import __main__ as tokens
from storage.paths import from_printable, printable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")

Start = Callable[..., "subprocess.Popen[str]"]


def named(text: str, path: Path = Path()) -> Path:
    """A path with a byte behind each word of the text that is no UTF-8."""
    return path / os.fsdecode(text.encode() + b"\xff")


def draw(folder: Path, seed: int, suffix: str = ".png") -> Path:
    random = np.random.default_rng(seed)
    for number in range(12):
        path = named(f"class {number % 2} ", folder) / f"{os.fsdecode(b'caf' + bytes([0xE9]))}{number:02}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((64, 48), Image.Resampling.BICUBIC).save(path)
    (named("class 1 ", folder) / os.fsdecode(b"empty\xfe.png")).touch()
    return folder


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize(
    ("name", "text"), [(b"plain", "plain"), ("grün".encode(), "grün"), (b"caf\xe9 \xff", r"caf\xe9 \xff")]
)
def test_printable(name: bytes, text: str) -> None:
    assert printable(os.fsdecode(name)) == printable(Path(os.fsdecode(name))) == text
    assert from_printable(text) == os.fsdecode(name)


def test_a_name_that_looks_printed_is_its_own(tmp_path: Path) -> None:
    (tmp_path / r"a\xff").mkdir()
    assert from_printable(str(tmp_path / r"a\xff")) == str(tmp_path / r"a\xff")


def test_records_of_pictures_are_text(tmp_path: Path) -> None:
    folder = draw(named("pictures", tmp_path), seed=0)
    config = DataConfig(str(folder), 32)
    whole = {name: data.record for name, data in (("run", open_data(config)), ("all", open_evaluation_data(config)))}
    next(folder.rglob("empty*")).unlink()
    made = draw(named("made", tmp_path), seed=1)
    next(made.rglob("empty*")).unlink()
    whole["pairs"] = open_pairs(folder, made, Console(quiet=True)).record
    for record in whole.values():
        assert all(text.isprintable() for text in texts(record)), record
        assert json.loads(json.dumps(record, ensure_ascii=False).encode()) == record
    skipped = {**whole["run"]["train"]["skipped"], **whole["run"]["test"]["skipped"]}
    assert skipped == whole["all"]["test"]["skipped"] == {r"class 1 \xff/empty\xfe.png": "the file is empty"}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (run.main, ["--preset", "smoke"]),
        (evaluate, ["--reference", "a", "--reconstruction", "b"]),
        (tokens.main, ["--model", "dalle", "--checkpoint", ".", "--data", "photographs"]),
    ],
)
def test_what_is_stored_needs_a_name_that_is_text(
    command: Callable[..., int], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said before the work: safetensors opens nothing else."""
    assert command([*words, "--cpu", "--output", str(named("runs", tmp_path))]) == 2
    assert r"runs\xff: its name is not UTF-8" in "".join(capsys.readouterr().err.split("\n"))


SEVERAL = """
import json, sys
from benchmarks.__main__ import main

for words in json.load(open(sys.argv[1])):
    sys.argv = ["quantizer-zoo", *words]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
"""


@pytest.mark.slow
def test_every_command(start: Start, tmp_path: Path) -> None:
    """From the training to the report, with bytes in the names of pictures and of folders."""
    draw(named("seen", tmp_path), seed=0)
    draw(named("other", tmp_path), seed=1)
    draw(named("pairs", tmp_path), seed=2, suffix=".bmp")
    for empty in [*named("other", tmp_path).rglob("empty*"), *named("pairs", tmp_path).rglob("empty*")]:
        empty.unlink()
    seen, other, runs = str(named("seen")), str(named("other")), "runs"
    (tmp_path / "several.py").write_text(SEVERAL)

    def succeed(*commands: list[object]) -> str:
        """One after the other in one process, which has a screen of bytes as a user's has."""
        (tmp_path / "commands").write_text(json.dumps([[str(word) for word in words] for words in commands]))
        process = start(str(tmp_path / "several.py"), "commands")
        shown, _ = process.communicate(timeout=240)
        assert process.returncode == 0, shown
        return shown

    training = ["run", "--preset", "smoke", "--cpu", "--quantizer", "fsq", "--train.images", 64, "--output", runs]
    shown = succeed([*training, "--data", seen], [*training, "--data", seen])
    assert r"class 1 \xff/empty\xfe.png" in shown
    assert "done already" in shown
    (trained,) = (path.relative_to(tmp_path) for path in (tmp_path / runs).rglob("fsq-*.json"))
    succeed(
        ["evaluate", trained, "--data", other, "--output", runs, "--cpu", "--explain", "--protocol", "vqgan"],
        ["evaluate", "--reference", other, "--reconstruction", named("pairs"), "--output", runs, "--cpu"],
        ["tokens", "--run", trained, "--data", seen, "--output", "codes", "--classes", "--cpu"],
        ["generate", "--run", trained, "--train.images", 64, "--cpu"],
        ["compare", runs],
        ["explain", runs],
        ["throughput", trained, "--cpu"],
        ["reproduce", trained],
        ["plot", runs, "--output", "plots"],
        ["report", runs, "--output", named("report.html")],
    )
    stored = [*(tmp_path / runs).rglob("*.json"), tmp_path / "codes" / "index.json"]
    assert len(stored) == 11  # four runs, two evaluations, the explanation, prior, what it drew, speeds and codes
    for path in stored:
        assert all(text.isprintable() for text in texts(json.loads(path.read_text("utf-8")))), path
