"""Codes that several processes make: the files are those of one process, also where one of them is killed."""

import hashlib
import importlib
import importlib.util
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from autoencoders.pretrained import registry
from benchmarks.data.machine import torch_threads
from benchmarks.tokens import __main__ as tokens
from benchmarks.tokens.executors import Ranks
from benchmarks.tokens.work import Work
from benchmarks.training.signals.pictures import Pictures as PictureSignal
from priors.token_set import TokenSet

ROOT = Path(__file__).parents[2]
Start = Callable[..., "subprocess.Popen[str]"]
Captured = pytest.CaptureFixture[str]

DEADLY = """
import os, signal, sys
from pathlib import Path
from autoencoders import BlockMean
from autoencoders.pretrained import registry
from autoencoders.pretrained.model import Pictures, Pretrained
from benchmarks.training.signals.pictures import Pictures as Signal

HOME = Path(__file__).parent

class Deadly(BlockMean):
    "Its process dies in the middle of a file, the first time that it meets a picture all red."

    def encode(self, pictures, **options):
        (HOME / f"process {os.getpid()}").touch()
        is_deadly = ((pictures[:, 0] == 1) & (pictures[:, 1:] == -1).all(1)).flatten(1).all(1).any()
        if is_deadly and "DEADLY" in os.environ and not (HOME / "died").exists():
            (HOME / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(pictures, **options)

ABOUT = dict(codes="256", paper="A. Nyone 2020", licence="MIT", source="example.org", signals=Pictures(32, 8))
MODEL = Pretrained(name="mean", load=lambda _: Deadly(8).eval(), verified=None, **ABOUT)

if __name__ == "__main__":
    from benchmarks.tokens.__main__ import main
    registry.ZOO, Signal.shard_items = (MODEL,), 8
    sys.exit(main(sys.argv[1:]))
"""


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command on 43 pictures in 6 files, of which the 30th picture is deadly; `deadly` can be imported anywhere."""
    random = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    for number in range(43):
        colours = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        picture = Image.new("RGB", (32, 32), "red") if number == 30 else Image.fromarray(colours).resize((32, 32))
        picture.save(tmp_path / "pictures" / f"{number:02}.png")
    (tmp_path / "deadly.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(tmp_path)]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    of = ["--model", "mean", "--checkpoint", str(tmp_path / "deadly.py"), "--data", str(tmp_path / "pictures")]
    return [*of, "--part", "all", "--batch-size", "4", "--cpu"]


@pytest.fixture
def deadly(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The tokenizer is known in this process."""
    monkeypatch.delitem(sys.modules, "deadly", raising=False)
    monkeypatch.setattr(registry, "ZOO", (importlib.import_module("deadly").MODEL,))
    monkeypatch.setattr(PictureSignal, "shard_items", 8)


def whole(words: list[str], folder: Path) -> dict[str, str]:
    """The files that one process makes."""
    with torch_threads(1):
        assert tokens.main([*words, "--output", str(folder)]) == 0
    return digests(folder)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray (extra ray) is not installed")
@pytest.mark.usefixtures("deadly")
def test_two_workers_of_ray_of_which_one_is_killed(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    alone = whole(words, tmp_path / "alone")
    for seen in tmp_path.glob("process *"):
        seen.unlink()
    monkeypatch.setenv("DEADLY", "1")
    monkeypatch.chdir(tmp_path)
    on_ray = ["--ray", "local", "--workers", "2"]
    assert tokens.main([*words, *on_ray, "--data", "pictures", "--output", "together"]) == 0
    assert "stored: 43 pictures, 50 ids each, in together" in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "died").exists()
    assert len(list(tmp_path.glob("process *"))) >= 3  # two, and one in the place of the dead
    assert digests(tmp_path / "together") == alone
    TokenSet.open(tmp_path / "together").verify()
    assert tokens.main([*words, *on_ray, "--output", "together"]) == 0
    assert "done already: 43 pictures" in capsys.readouterr().out
    (tmp_path / "pictures" / "20.png").unlink()
    assert tokens.main([*words, *on_ray, "--output", "together"]) == 2
    assert "made otherwise than asked for now" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("deadly")
def test_two_ranks_of_which_one_is_killed(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    alone = whole(words, tmp_path / "alone")
    monkeypatch.setenv("DEADLY", "1")
    command = ["deadly.py", *words, "--output", "together"]
    killed = start(*command, processes=2)
    said, _ = killed.communicate(timeout=300)
    assert killed.returncode != 0, said
    assert (tmp_path / "died").exists()
    assert "index.json" not in digests(tmp_path / "together")
    again = start(*command, processes=2)
    said, _ = again.communicate(timeout=300)
    assert again.returncode == 0, said
    assert said.count("stored: 43 pictures, 50 ids each, in together") == 1
    assert digests(tmp_path / "together") == alone


SRUN = """#!/bin/bash
# Two nodes, both here.
shift
"$@" & "$@" & wait %1 && wait %2
"""


@pytest.mark.slow
@pytest.mark.usefixtures("deadly")
def test_the_script_for_slurm_goes_on_by_itself_when_a_process_is_killed(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = whole(words, tmp_path / "alone")
    page = (ROOT / "docs" / "tutorials" / "tokens.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    command = "-m benchmarks.tokens --runs RUN.json --data path/to/pictures --output codes"
    for given, here in (
        (command, shlex.join(["deadly.py", *words, "--output", "together"])),
        (" torchrun ", f" {sys.executable} -m torch.distributed.run --local-addr localhost "),
        ("--nproc-per-node=8", "--nproc-per-node=1"),
        (":29500", f":{free_port()}"),
    ):
        assert given in script
        script = script.replace(given, here)
    (tmp_path / "bin").mkdir()
    for name, text in (("srun", SRUN), ("scontrol", "#!/bin/bash\necho localhost\necho other\n")):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    slurm = {"SLURM_JOB_NODELIST": "node[1-2]", "SLURM_NNODES": "2", "SLURM_JOB_ID": "7", "DEADLY": "1"}
    environment = {**os.environ, **slurm, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "after a restart" not in done.stderr
    assert (tmp_path / "died").exists()
    assert digests(tmp_path / "together") == alone


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


@pytest.mark.usefixtures("deadly")
def test_ranks_share_the_files_out_and_the_first_counts_those_of_all(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other here; the second is done before the first begins."""
    alone = whole(words, tmp_path / "alone")
    made = {}
    found: list[Work] = []
    monkeypatch.setattr("benchmarks.tokens.executors.Alone.make", lambda _, work, *__: found.append(work) or False)
    assert tokens.main([*words, "--output", str(tmp_path / "together")]) == 0
    (work,) = found
    numbers = [*work.writer.shards]
    for rank in (1, 0):
        counts: list[int] = []
        accelerator = SimpleNamespace(
            process_index=rank, num_processes=2, is_main_process=rank == 0, device=torch.device("cpu")
        )
        with torch_threads(1):
            is_first = Ranks(accelerator).make(work, numbers, counts.append)
        made[rank] = sum(counts)
        assert is_first == (rank == 0)
        assert sorted(path.name for path in (tmp_path / "together").iterdir()) == [
            f"codes-{number:05}.safetensors" for number in (numbers if rank == 0 else numbers[1::2])
        ]
    assert made == {1: 19, 0: 43}
    work.writer.finish()
    assert digests(tmp_path / "together") == alone


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--workers", "2"], "--workers is for --ray local"),
        (["--workers", "2", "--ray", "auto"], "--workers is for --ray local"),
        (["--cpus-per-worker", "2"], "--cpus-per-worker and --gpus-per-worker are for --ray"),
        (["--ray", "local"], "pip install 'quantizer-zoo-benchmark[ray]'"),
    ],
)
@pytest.mark.usefixtures("deadly")
def test_bad_flags_and_a_missing_ray(
    flags: list[str], said: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert tokens.main([*words, *flags, "--output", str(tmp_path / "codes")]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_ray_beside_torchrun_is_a_bad_idea(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    several = SimpleNamespace(num_processes=2, is_main_process=True, device=torch.device("cpu"))
    monkeypatch.setattr("benchmarks.tokens.command.make_accelerator", lambda *_: several)
    assert tokens.main([*words, "--ray", "local", "--output", str(tmp_path / "codes")]) == 2
    assert "give the command without torchrun" in " ".join(capsys.readouterr().err.split())
