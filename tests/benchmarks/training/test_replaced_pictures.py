"""Training pictures replaced by others of the same names and sizes are other pictures to every command."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import compare, run
from benchmarks.data.machine import torch_threads
from benchmarks.evaluate.__main__ import main as evaluate
from benchmarks.generate.__main__ import main as generate
from benchmarks.records.record import read_record
from benchmarks.reproduce.__main__ import main as reproduce
from benchmarks.sweep.__main__ import main as sweep
from benchmarks.throughput import __main__ as throughput

WORDS = ("--quantizer", "fsq", "--preset", "smoke", "--cpu", "--train.images", "32", "--data", "pictures")


def draw(folder: Path, numbers: range, seed: int) -> None:
    """Pictures as BMP: all files are as long as each other."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(seed)
    for number in numbers:
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((64, 48), Image.Resampling.BICUBIC).save(folder / f"{number:02}.bmp")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pictures/, and a run on them in runs/."""
    folder = tmp_path_factory.mktemp("made")
    draw(folder / "pictures", range(20), seed=0)
    with pytest.MonkeyPatch.context() as patch, torch_threads(1):
        patch.chdir(folder)
        assert run.main([*WORDS]) == 0
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, the present folder."""
    monkeypatch.chdir(shutil.copytree(made, tmp_path, dirs_exist_ok=True))
    return tmp_path


def replace(number: int) -> None:
    """One training picture by another of its name, size and length; its times stay, too."""
    path = Path("pictures") / f"{number:02}.bmp"
    draw(Path("other"), range(number, number + 1), seed=7)
    shutil.copystat(path, Path("other") / path.name)
    shutil.move(Path("other") / path.name, path)


def stored() -> Path:
    (path,) = Path("runs").rglob("fsq-*.json")
    return path


COMMANDS: dict[str, tuple[Callable[..., int], Callable[[], list[str]]]] = {
    "run": (run.main, lambda: [*WORDS]),
    "sweep": (sweep, lambda: ["sweep.yaml"]),
    "reproduce": (reproduce, lambda: [str(stored())]),
    "generate": (generate, lambda: ["--run", str(stored()), "--cpu"]),
    "throughput": (throughput.main, lambda: [str(stored()), "--cpu"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_takes_them_for_those_of_the_stored_run(
    home: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(7)
    Path("sweep.yaml").write_text(
        "preset: smoke\ndata: pictures\noutput: runs\nsettings: {cpu: true, train.images: 32}\n"
        "runs:\n- {quantizers: fsq}\n"
    )
    before = {path: path.read_bytes() for path in Path("runs").rglob("*.*")}
    command, words = COMMANDS[name]
    assert command(words()) == 2
    captured = capsys.readouterr()
    assert "done already" not in captured.out
    said = " ".join(captured.err.split())
    assert "of the same names and sizes" in said or "not the same bytes" in said
    assert "Traceback" not in said
    assert before == {path: path.read_bytes() for path in Path("runs").rglob("*.*")}


def test_unchanged_pictures_are_known_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the files were touched, and where an earlier version stored the run."""
    path = stored()
    before = read_record(path)
    for picture in Path("pictures").iterdir():
        picture.touch()
    assert run.main([*WORDS]) == 0
    replace(7)
    raw = json.loads(path.read_text())
    del raw["data"]["train"]["content"]
    path.write_text(json.dumps(raw))
    for other in path.parent.glob("*.json"):
        if other != path:
            other.unlink()
    with torch_threads(1):
        assert run.main([*WORDS]) == 0
    assert capsys.readouterr().out.count("fsq 10 bits seed 0: done already") == 2
    assert read_record(path).id == before.id


@pytest.mark.slow
def test_those_that_were_put_back_are_seen_by_the_same_process(home: Path) -> None:
    """A notebook calls a command again after its pictures were mended."""
    shutil.copytree("pictures", "before")
    replace(7)
    command, words = COMMANDS["generate"]
    assert command(words()) == 2
    shutil.rmtree("pictures")
    Path("before").rename("pictures")
    with torch_threads(1):
        assert command(words()) == 0


@pytest.mark.slow
def test_they_are_trained_on_in_another_folder_or_by_force(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(7)
    before = read_record(stored())
    with torch_threads(1):
        assert run.main([*WORDS, "--output", "others"]) == 0
        assert compare.command(["runs", "others"]) == 0
        assert "trained on 2 sets of pictures of the same names and sizes" in " ".join(capsys.readouterr().out.split())
        assert compare.command(["runs"]) == 0
        assert "trained on 2 sets" not in " ".join(capsys.readouterr().out.split())
        assert run.main([*WORDS, "--force"]) == 0
    now = read_record(stored())
    assert now.id == before.id
    assert now.trained_content != before.trained_content
    assert now.metrics["psnr"] != before.metrics["psnr"]


@pytest.mark.slow
def test_a_run_that_was_made_again_is_evaluated_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(Path("elsewhere"), range(5), seed=3)
    words = [str(stored()), "--data", "elsewhere", "--cpu"]

    def measured() -> float | None:
        with torch_threads(1):
            assert evaluate(words) == 0
        (path,) = Path("runs/smoke/elsewhere").glob("fsq-*.json")
        return read_record(path).metrics["psnr"]

    before = measured()
    assert measured() == before
    assert capsys.readouterr().out.count("done already") == 1
    replace(7)
    with torch_threads(1):
        assert run.main([*WORDS, "--force"]) == 0
    capsys.readouterr()
    assert measured() != before
    assert "done already" not in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("which", ["run", "generate"])
def test_no_checkpoint_goes_on_with_them(
    home: Path, start: Callable[..., "subprocess.Popen[str]"], which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether the run is told by its record or by nothing: an earlier version's has no content."""
    command, words = COMMANDS[which]
    long = ["--train.images", "1600", "--checkpoint-every", "3"]
    if which == "run":
        shutil.rmtree("runs")
    else:
        raw = json.loads(stored().read_text())
        del raw["data"]["train"]["content"]
        stored().write_text(json.dumps(raw))
    killed = start(f"benchmarks.{which}", *words(), *long)
    deadline = time.monotonic() + 120
    while not (found := list(home.glob("runs/**/*.checkpoint.safetensors"))):
        assert killed.poll() is None, killed.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    if which == "run":
        for baseline in home.glob("runs/**/*.json"):  # done by then, and would be refused first
            baseline.unlink()
    replace(7)
    with torch_threads(1):
        assert command([*words(), *long]) == 1
    assert "trained on other data of the same names and sizes" in " ".join(capsys.readouterr().err.split())
    assert found[0].exists()
