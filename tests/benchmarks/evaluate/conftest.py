"""Pictures and small runs to measure, and tokenizers that stand for published ones."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from autoencoders import BlockMean
from autoencoders.pretrained import WeightsError, registry
from autoencoders.pretrained.model import Pictures, Pretrained
from benchmarks import run
from benchmarks.data import centre_crop
from benchmarks.data.machine import torch_threads
from benchmarks.evaluate import measure
from benchmarks.evaluate.__main__ import main
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.reconstruction import combining, share


def make_pictures(folder: Path, names: list[str], seed: int, width: int = 64, height: int = 48) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for name in names:
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((width, height), Image.Resampling.BICUBIC).save(folder / name)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """seen/: the pictures of a run of fsq in runs/. again/: those of them that are test. other/test/: others."""
    folder = tmp_path_factory.mktemp("home")
    names = [f"{index:02}.png" for index in range(30)]
    make_pictures(folder / "seen", names, seed=0)
    make_pictures(folder / "other" / "test", names[:12], seed=1)
    (folder / "again").mkdir()
    for name in names[::5]:
        shutil.copy(folder / "seen" / name, folder / "again")
    words = ["--preset", "smoke", "--cpu", "--train.images", "32", "--data", str(folder / "seen")]
    with torch_threads(1):
        assert run.main(["--quantizer", "fsq", *words, "--output", str(folder / "runs")]) == 0
    return folder


@pytest.fixture
def runs(home: Path, tmp_path: Path) -> Path:
    """A copy of the folder of the runs of fsq and block-mean, that a test may damage."""
    return shutil.copytree(home / "runs" / "smoke" / "seen", tmp_path / "runs")


@pytest.fixture
def the() -> Callable[[Path, str], Path]:
    """The only file of that name below a folder."""

    def find(folder: Path, pattern: str) -> Path:
        (path,) = folder.rglob(pattern)
        return path

    return find


@pytest.fixture
def evaluate() -> Callable[..., int]:
    """The command on one thread of the CPU."""

    def command(*words: object) -> int:
        with torch_threads(1):
            return main([*map(str, words), "--cpu"])

    return command


@pytest.fixture
def refused(evaluate: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What the command says of a user's mistake, which the message is part of."""

    def command(message: str, *words: object) -> str:
        capsys.readouterr()
        assert evaluate(*words) == 2
        error = " ".join(capsys.readouterr().err.split())
        assert error.startswith("error: ")
        assert message in error
        assert "Traceback" not in error
        return error

    return command


@pytest.fixture
def crops(home: Path, tmp_path: Path) -> Path:
    """The protocol's crops at 32 px of some pictures, and a folder for reconstructions of them beside it."""
    (tmp_path / "kept" / "deep").mkdir(parents=True)
    for index, path in enumerate(sorted((home / "other" / "test").iterdir())):
        with Image.open(path) as picture:
            centre_crop(picture, 32).save(tmp_path / "kept" / ("deep" if index % 3 == 1 else "") / path.name)
    return tmp_path / "kept"


@pytest.fixture
def made(crops: Path, tmp_path: Path) -> Path:
    """Reconstructions of `crops` as BMP: the mean colour of each block of 8 x 8, rounded."""
    for path in crops.rglob("*.png"):
        with Image.open(path) as picture:
            blocks = np.asarray(picture, np.float64).reshape(4, 8, 4, 8, 3).mean((1, 3))
        to = (tmp_path / "made" / path.relative_to(crops)).with_suffix(".bmp")
        to.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(blocks.round().astype(np.uint8).repeat(8, 0).repeat(8, 1)).save(to)
    return tmp_path / "made"


def load_block_mean(path: Path) -> BlockMean:
    """A file that holds a stride stands for weights."""
    if not path.read_text().isdigit():
        raise WeightsError(f"{path}: not the weights of this model")
    return BlockMean(int(path.read_text())).eval()


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file of weights for two published tokenizers, block means of stride 8: `sure` is verified, `unsure` is not."""
    known = {
        "load": load_block_mean,
        "signals": Pictures(32, 8),
        "codes": "256",
        "paper": "A. Nyone 2020",
        "licence": "MIT",
    }
    source = "example.org, mean.ckpt"
    models = (
        Pretrained(name="sure", source=source, verified="by hand", **known),
        Pretrained(name="unsure", source=source, verified=None, **known),
    )
    monkeypatch.setattr(registry, "ZOO", models)
    (tmp_path / "mean.ckpt").write_text("8")
    return tmp_path / "mean.ckpt"


class Projection(nn.Module):
    """Stands for Inception: fixed random features of the pixels."""

    features = 24
    seen = 0
    """Pictures, by all of them."""

    def __init__(self, _: Path) -> None:
        super().__init__()

    def forward(self, pictures: Tensor) -> Tensor:
        Projection.seen += len(pictures)
        pixels = nn.functional.adaptive_avg_pool2d(pictures.float(), 16).flatten(1)
        weights = torch.randn(pixels.shape[1], self.features, generator=torch.Generator().manual_seed(0))
        return torch.tanh(pixels @ weights / 1000)


@pytest.fixture
def projection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Projection]:
    """Evaluations have an rFID, by another network, and keep features in cache/."""
    (tmp_path / "network").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(Projection, "seen", 0)
    monkeypatch.setattr(share, "Inception", Projection)
    for module in (share, combining, measure):
        monkeypatch.setattr(module, "FEATURES", Projection.features)
    found = MetricWeights(inception=tmp_path / "network", missing={"lpips": "not here"})
    monkeypatch.setattr(MetricWeights, "find", lambda **_: found)
    return Projection
