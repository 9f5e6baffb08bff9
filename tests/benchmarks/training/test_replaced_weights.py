"""A stored run that was made again is another one to all that builds upon its weights."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from killed import kill_command_at_call
from PIL import Image
from safetensors.torch import load_file, save_file

from benchmarks import run
from benchmarks.data.machine import torch_threads
from benchmarks.generate.__main__ import main as generate
from benchmarks.records.priors import read_prior
from benchmarks.records.record import read_record
from benchmarks.reproduce.__main__ import main as reproduce
from benchmarks.sweep.__main__ import main as sweep
from benchmarks.training.models import weights_digest

SMOKE = ("--preset", "smoke", "--cpu", "--train.images", "32", "--data", "pictures")
START = "first/RUN.json"
WORDS = ("--quantizer", "fsq", *SMOKE, "--start", START)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pictures/, first/ with a run of no quantizer, and runs/ with one that begins from it and a prior on that."""
    folder = tmp_path_factory.mktemp("made")
    random = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for number in range(20):
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((64, 48), Image.Resampling.BICUBIC).save(folder / "pictures" / f"{number:02}.bmp")
    with pytest.MonkeyPatch.context() as patch, torch_threads(1):
        patch.chdir(folder)
        assert run.main(["--quantizer", "none", *SMOKE, "--output", "others"]) == 0
        (first,) = Path("others").rglob("none-*.json")
        Path("first").mkdir()
        for suffix in (".json", ".safetensors"):
            shutil.copy(first.with_suffix(suffix), Path(START).with_suffix(suffix))
        assert run.main([*WORDS]) == 0
        assert generate(["--run", str(stored()), "--cpu"]) == 0
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, the present folder."""
    monkeypatch.chdir(shutil.copytree(made, tmp_path, dirs_exist_ok=True))
    return tmp_path


def stored() -> Path:
    (path,) = Path("runs").rglob("fsq-*.json")
    return path


def remake(record: Path) -> None:
    """The run's weights as of another machine: all but equal, in a file as long; its metadata stays."""
    weights = record.with_suffix(".safetensors")
    tensors = load_file(weights)
    name = next(name for name, tensor in sorted(tensors.items()) if tensor.is_floating_point() and tensor.numel() > 1)
    tensors[name] = tensors[name] * (1 + 1e-6)
    save_file(tensors, weights, metadata={"run": read_record(record).id})


def prior() -> Path:
    (path,) = Path("runs").rglob("prior-*.json")
    return path


COMMANDS: dict[str, tuple[Callable[..., int], Callable[[], list[str]]]] = {
    "run": (run.main, lambda: [*WORDS]),
    "sweep": (sweep, lambda: ["sweep.yaml"]),
    "reproduce": (reproduce, lambda: [str(stored())]),
    "generate": (generate, lambda: ["--run", str(stored()), "--cpu"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_takes_them_for_those_of_the_stored_run(
    home: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("sweep.yaml").write_text(
        "preset: smoke\ndata: pictures\noutput: runs\n"
        f"settings: {{cpu: true, train.images: 32, start: {START}}}\nruns:\n- {{quantizers: fsq}}\n"
    )
    remake(stored() if name == "generate" else Path(START))
    before = {path: path.read_bytes() for path in Path("runs").rglob("*.*")}
    command, words = COMMANDS[name]
    assert command(words()) == 2
    captured = capsys.readouterr()
    assert "done already" not in captured.out
    said = " ".join(captured.err.split())
    assert "a run that was made again since" in said
    assert "Traceback" not in said
    assert before == {path: path.read_bytes() for path in Path("runs").rglob("*.*")}


@pytest.mark.slow
def test_weights_that_stayed_are_known_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also in a file that was written again, and where an earlier version stored what builds upon them."""
    start, words = Path(START).with_suffix(".safetensors"), ["--run", str(stored()), "--cpu"]
    digest = weights_digest(START)
    save_file(load_file(start), start, metadata={"another": "metadata"})
    assert weights_digest(START) == digest
    assert run.main([*WORDS]) == 0
    assert generate(words) == 0
    remake(Path(START))
    assert weights_digest(START) != digest
    remake(stored())
    for path, keys in ((stored(), ("config", "start_weights")), (prior(), ("weights",))):
        raw = json.loads(path.read_text())
        place = raw
        for key in keys[:-1]:
            place = place[key]
        assert len(place.pop(keys[-1])) == 64
        path.write_text(json.dumps(raw))
    assert run.main([*WORDS]) == 0
    assert generate(words) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.count("fsq 10 bits seed 0: done already") == 2
    assert shown.count("fsq 10 bits seed 0, gpt: done already") == 2


@pytest.mark.slow
def test_they_are_built_upon_by_force(home: Path) -> None:
    before, prior_before = read_record(stored()), read_prior(prior())
    remake(Path(START))
    with torch_threads(1):
        assert run.main([*WORDS, "--force"]) == 0
        assert generate(["--run", str(stored()), "--cpu", "--force"]) == 0
    now, prior_now = read_record(stored()), read_prior(prior())
    assert (now.id, prior_now.id) == (before.id, prior_before.id)
    assert now.config["start_weights"] == weights_digest(START) != before.config["start_weights"]
    assert prior_now.weights == weights_digest(stored()) != prior_before.weights


@pytest.mark.slow
@pytest.mark.parametrize("which", ["run", "generate"])
def test_no_checkpoint_goes_on_with_them(home: Path, which: str, capsys: pytest.CaptureFixture[str]) -> None:
    command, words = COMMANDS[which]
    long = [*words(), "--train.images", "160", "--checkpoint-every", "1"]
    save = "benchmarks.training.loop:TrainingLoop.save"
    kill_command_at_call(save, 2, {"run": "benchmarks.run", "generate": "benchmarks.generate.__main__"}[which], long)
    (checkpoint,) = home.glob("runs/**/*.checkpoint.safetensors")
    remake(stored() if which == "generate" else Path(START))
    with torch_threads(1):
        assert command(long) == 1
    assert "which was made again since" in " ".join(capsys.readouterr().err.split())
    assert checkpoint.exists()
