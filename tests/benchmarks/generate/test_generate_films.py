"""A prior on the codes of films, and these as a token set, by the commands: their bits, and films to watch."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import run
from benchmarks.compare import Arguments, main as compare
from benchmarks.data.machine import torch_threads
from benchmarks.records.arrays import read_arrays
from benchmarks.records.priors import Generation
from benchmarks.report.__main__ import main as report
from benchmarks.report.pictures import film_uri
from benchmarks.tokens.__main__ import main as tokens
from benchmarks.training.loading import load_run
from benchmarks.training.signals.films import Films
from benchmarks.training.stored import configuration, open_own_data
from priors.fingerprint import fingerprint
from priors.token_set import TokenSet

Generate = Callable[..., int]
Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of rq of the preset video-smoke, on few films."""
    folder = tmp_path_factory.mktemp("films")
    words = ["--preset", "video-smoke", "--cpu", "--data.limit-train", "5", "--data.limit-test", "3"]
    with torch_threads(1):
        assert run.main([*words, "--quantizer", "rq", "--train.images", "16", "--output", str(folder)]) == 0
    (record,) = folder.rglob("rq-*.json")
    return record.parent


@pytest.fixture
def film_run(trained: Path, tmp_path: Path) -> Path:
    """A copy of that run, that a test may add to."""
    (record,) = shutil.copytree(trained, tmp_path / "run").glob("rq-*.json")
    return record


def test_bits_and_films(
    film_run: Path, tmp_path: Path, generate: Generate, stored: Callable[[Path], Generation], capsys: Captured
) -> None:
    words = ["--run", film_run, "--webp", tmp_path / "drawn"]
    assert generate(*words) == 0
    path, record, sampling = stored(film_run.parent)
    assert (record.preset, record.layout["grids"]) == ("video-smoke", [[3, 4, 4]])
    loaded = load_run(film_run)
    assert loaded.prior is not None
    data = open_own_data(film_run, loaded.record, configuration(film_run, loaded.record).settings.data)
    clips = torch.stack([data.test[place] for place in range(3)])
    with torch.no_grad(), torch_threads(1):
        codes = loaded.prior.layout.to_tokens(loaded.tokenizer.encode(clips / 127.5 - 1))
        logits = loaded.prior(codes).log_softmax(-1)
    bits = -logits.gather(-1, codes.unsqueeze(-1)).sum((1, 2, 3)).numpy() / math.log(2)
    np.testing.assert_allclose(read_arrays(path)["clip/nll_bits"], bits, rtol=1e-4)
    assert len(read_arrays(path)["train/nll_bits"]) == 5
    assert record.metrics["nll_kbps"] == pytest.approx(bits.mean() * 12 / 9 / 1000, rel=1e-4)
    assert record.metrics["nll_bpp"] == pytest.approx(bits.mean() / (9 * 32 * 32), rel=1e-4)

    assert (sampling.generated, sampling.references) == (4, 5)
    assert sampling.metrics["generated_swd"] > 0
    assert sampling.speed["generated_frames_per_second"] > 0
    samples = read_arrays(path.parent / f"{sampling.id}.json")
    assert (samples["samples"].shape, samples["samples"].dtype, samples["rate"]) == ((4, 3, 9, 32, 32), np.uint8, 12)
    drawn = loaded.prior.sample(4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), torch_threads(1):
        again = (loaded.tokenizer.decode(loaded.prior.layout.to_codes(drawn)).clamp(-1, 1) + 1) * 127.5
    np.testing.assert_allclose(samples["samples"], again.round().numpy(), atol=1)
    with Image.open(tmp_path / "drawn" / "00003.webp") as film:
        assert film.n_frames == 9
        film.seek(5)
        np.testing.assert_array_equal(np.asarray(film.convert("RGB")), samples["samples"][3][:, 5].transpose(1, 2, 0))

    assert "first film s" in capsys.readouterr().out
    assert generate(*words) == 0  # the same again: its own files lie there
    assert "done already" in capsys.readouterr().out
    Image.new("RGB", (8, 8)).save(tmp_path / "drawn" / "00000.webp")
    assert generate(*words) == 2
    assert "00000.webp, of something else, lies there" in " ".join(capsys.readouterr().err.split())
    assert compare(Arguments((film_run.parent,), columns=("kbps", "nll_kbps", "generated_frames_per_second"))) == 0
    assert "sampled frames/s" in capsys.readouterr().out
    assert report(["--output", str(tmp_path / "report.html"), str(film_run.parent)]) == 0
    html = (tmp_path / "report.html").read_text()
    assert "The first clips that each prior drew, not chosen." in html
    assert film_uri(samples["samples"][3], 12.0) in html


def test_token_sets(film_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """The codes of all clips, whole again after a kill, decode to what the tokenizer makes of them."""
    monkeypatch.setattr(Films, "shard_items", 2)
    words = ["--run", str(film_run), "--data", "moving:photographs", "--part", "test", "--limit", "5", "--cpu"]
    for name in ("whole", "killed"):
        with torch_threads(1):
            assert tokens([*words, "--batch-size", "2", "--output", str(tmp_path / name)]) == 0
    assert "stored: 5 films, 98 ids each" in " ".join(capsys.readouterr().out.split())
    for name in ("index.json", "codes-00002.safetensors"):
        (tmp_path / "killed" / name).unlink()
    with torch_threads(1):
        assert tokens([*words, "--batch-size", "2", "--output", str(tmp_path / "killed")]) == 0
    assert "4 of 5 films are stored already" in capsys.readouterr().out
    for path in (tmp_path / "whole").iterdir():
        assert (tmp_path / "killed" / path.name).read_bytes() == path.read_bytes()
    loaded = load_run(film_run)
    found = TokenSet.open(tmp_path / "whole", fingerprint(loaded.tokenizer))
    assert found.contents.data["clip_frames"] == 9
    config = configuration(film_run, loaded.record).settings.data
    data = Films().open_part(Films().elsewhere(config, "moving:photographs", 5, None), "test")
    with torch.no_grad(), torch_threads(1):
        (codes,) = loaded.tokenizer.encode(data.test[4][None] / 127.5 - 1)
    assert torch.equal(found.codes([4])[0], codes)
    assert tokens([*words, "--classes", "--output", str(tmp_path / "classes")]) == 2
    assert "--classes is for pictures" in " ".join(capsys.readouterr().err.split())
