"""A killed evaluation goes on and ends in the same numbers, to the last bit; memory does not grow with the pictures."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.evaluate import measure, opening
from benchmarks.metrics import codes, fid, swd
from benchmarks.protocols.reconstruction import combining, parts, share
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import read_record

from .conftest import Projection, make_pictures

Evaluate = Callable[..., int]
The = Callable[[Path, str], Path]
Start = Callable[..., "subprocess.Popen[str]"]

KILLED = """
import os, signal, sys
from benchmarks.evaluate.__main__ import main
from benchmarks.protocols.reconstruction import parts

parts.PICTURES = 16
save, files = parts.save_tree, 0

def save_until(path, tree):
    global files
    files += 1
    if files == 6:  # the third part is whole, the state after it is not
        os.kill(os.getpid(), signal.SIGKILL)
    save(path, tree)

parts.save_tree = save_until
main(sys.argv[1:])
"""

TWO_PROCESSES = """
import os, sys
import torch
from benchmarks.evaluate.__main__ import main
from benchmarks.protocols.reconstruction import parts

words, save, files = sys.argv[1:], parts.save_tree, 0
parts.PICTURES = 8
assert main([*words, "--output", "whole"]) == 0

def save_until(path, tree):
    global files
    files += 1
    if files == (3, 6)[int(os.environ["RANK"])]:
        raise KeyboardInterrupt
    save(path, tree)

parts.save_tree = save_until
assert main([*words, "--output", "stopped"]) == 130
parts.save_tree = save
assert main([*words, "--output", "stopped"]) == 0
torch.distributed.destroy_process_group()  # threads of gloo that still run at the end abort the process now and then
"""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """60 pictures."""
    make_pictures(tmp_path / "many", [f"{index:02}.png" for index in range(60)], seed=2)
    return tmp_path / "many"


def assert_same_numbers(one: Path, other: Path) -> None:
    assert read_record(one).metrics == read_record(other).metrics
    assert read_record(one).notes == read_record(other).notes
    arrays, others = read_arrays(one), read_arrays(other)
    assert arrays.keys() == others.keys()
    for name, values in arrays.items():
        assert values.tobytes() == others[name].tobytes(), name


@pytest.mark.slow
def test_a_killed_evaluation_goes_on_where_it_was(
    runs: Path, many: Path, tmp_path: Path, evaluate: Evaluate, the: The, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [the(runs, "fsq-*.json"), "--data", many, "--batch-size", 8]
    root = str(Path(measure.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", KILLED, *map(str, words), "--cpu", "--output", str(tmp_path / "killed")]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert not list((tmp_path / "killed").rglob("*.json"))
    assert len(list((tmp_path / "killed").rglob("*.parts/0-of-1-*.safetensors"))) == 3
    capfd.readouterr()
    assert evaluate(*words, "--output", tmp_path / "killed") == 0
    assert "going on after 32 of 60 pictures" in capfd.readouterr().out
    assert evaluate(*words, "--output", tmp_path / "whole") == 0
    assert "going on" not in capfd.readouterr().out
    assert_same_numbers(the(tmp_path / "killed", "*.json"), the(tmp_path / "whole", "*.json"))
    assert not list(tmp_path.rglob("*.parts"))
    assert not list((tmp_path / "killed").rglob("*.safetensors"))


def stop_after(monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    """The file after so many files of parts is not written: Ctrl-C."""
    save, left = parts.save_tree, files

    def save_until(path: Path, tree: object) -> None:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        save(path, tree)

    monkeypatch.setattr(parts, "save_tree", save_until)


@pytest.mark.slow
@pytest.mark.usefixtures("projection")
def test_where_parts_end_has_no_influence(
    runs: Path,
    many: Path,
    tmp_path: Path,
    evaluate: Evaluate,
    the: The,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of sums of features, too: stopped twice, with parts of other sizes, or in one go."""
    words = [the(runs, "fsq-*.json"), "--data", many, "--batch-size", 4]
    for pictures, files in ((8, 3), (16, 4)):
        with monkeypatch.context() as patch:
            patch.setattr(parts, "PICTURES", pictures)
            stop_after(patch, files)
            assert evaluate(*words, "--output", tmp_path / "stopped") == 130
    assert "the same command goes on" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr(parts, "SECONDS", 0.0)  # a part for each batch
        assert evaluate(*words, "--output", tmp_path / "stopped") == 0
    assert "going on after 40 of 60" in capsys.readouterr().out
    assert evaluate(*words, "--output", tmp_path / "whole") == 0
    whole = the(tmp_path / "whole", "*.json")
    assert read_record(whole).metrics["rfid"] > 0
    assert_same_numbers(the(tmp_path / "stopped", "*.json"), whole)
    assert evaluate(*words, "--output", tmp_path / "other", "--batch-size", 60) == 0
    # the convolutions of a batch of another size end in other last digits: a pixel may be rounded the other way
    assert read_record(the(tmp_path / "other", "*.json")).metrics["rfid"] == pytest.approx(
        read_record(whole).metrics["rfid"], rel=1e-5
    )


def test_a_stopped_evaluation_of_another_batch_size_starts_anew(
    runs: Path,
    many: Path,
    tmp_path: Path,
    evaluate: Evaluate,
    the: The,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [the(runs, "block-mean-*.json"), "--data", many, "--output", tmp_path / "out"]
    with monkeypatch.context() as patch:
        patch.setattr(parts, "PICTURES", 8)
        stop_after(patch, 4)
        assert evaluate(*words, "--batch-size", 8) == 130
    assert evaluate(*words, "--batch-size", 4) == 0
    assert "going on" not in capsys.readouterr().out
    assert read_record(the(tmp_path / "out", "*.json")).data["test"]["pictures"] == 60
    assert not list(tmp_path.rglob("*.parts"))


@pytest.mark.slow
def test_two_processes_go_on_too(runs: Path, many: Path, tmp_path: Path, start: Start, evaluate: Evaluate, the: The):
    (tmp_path / "two.py").write_text(TWO_PROCESSES)
    words = [str(the(runs, "fsq-*.json")), "--data", str(many), "--batch-size", "4"]
    two = start(str(tmp_path / "two.py"), *words, "--cpu", processes=2)
    shown, _ = two.communicate(timeout=240)
    assert two.returncode == 0, shown
    assert "going on after 24 of 60 pictures" in " ".join(shown.split())  # one part and two
    stopped, whole = (the(tmp_path / name, "fsq-*.json") for name in ("stopped", "whole"))
    assert_same_numbers(stopped, whole)
    assert not list(tmp_path.rglob("*.parts"))
    assert evaluate(*words, "--output", tmp_path / "one") == 0
    one, two_processes = (read_record(path).metrics for path in (the(tmp_path / "one", "*.json"), whole))
    assert one == {
        name: value if value is None else pytest.approx(value, rel=1e-6) for name, value in two_processes.items()
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the high-water mark can be reset only on Linux")
def test_memory_does_not_grow_with_the_pictures(
    published: Path, projection: type[Projection], tmp_path: Path, evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6,000 pictures more; their features alone, 2 x 512 numbers each, would take 25 MB on top of some 20 MB, for the
    resamples, which are 2 to 8 bytes per picture in each, and for names."""
    monkeypatch.setattr(projection, "features", 512)
    for module in (share, combining, measure):
        monkeypatch.setattr(module, "FEATURES", 512)
    monkeypatch.setattr(fid, "_ROWS_AT_ONCE", 256)
    monkeypatch.setattr(codes, "_CODES_AT_ONCE", 4096)
    monkeypatch.setattr(opening, "ONE_PASS", 0)
    monkeypatch.setattr(fid, "RESAMPLES", 1)
    monkeypatch.setattr(swd, "MAX_PICTURES", 64)
    monkeypatch.setattr(parts, "PICTURES", 512)
    make_pictures(tmp_path / "some", [f"{index:02}.png" for index in range(50)], 3, width=16, height=16)
    files = sorted((tmp_path / "some").iterdir())

    def peak(count: int) -> float:
        """Bytes of physical memory at most while so many are measured."""
        folder = tmp_path / f"{count}"
        folder.mkdir()
        for index in range(count):
            os.link(files[index % len(files)], folder / f"{index:05}.png")
        words = ["--model", "sure", "--checkpoint", published, "--data", folder, "--image-size", 16]
        Path("/proc/self/clear_refs").write_text("5")
        assert evaluate(*words, "--output", tmp_path / "out", "--batch-size", 64) == 0
        return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

    peak(700)  # what libraries take but once
    fewer, more = peak(2000), peak(8000)
    assert more - fewer < 35e6, (fewer, more)
