"""`python -m benchmarks.generate --prior var` on a run of `multi-scale`, and what only that has."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import load_run, run
from benchmarks.compress.opening import open_run
from benchmarks.data.machine import torch_threads
from benchmarks.records.arrays import read_arrays
from benchmarks.training.prior_settings import PRESETS
from priors import VAR
from priors.code_models import CodePrior


@pytest.fixture
def multi_scale(generation_home: Path, tmp_path: Path) -> Path:
    """A run of multi-scale (preset smoke) on the pictures."""
    words = ["--preset", "smoke", "--cpu", "--train.images", "32", "--data", str(generation_home / "pictures")]
    with torch_threads(1):
        assert run.main(["--quantizer", "multi-scale", *words, "--output", str(tmp_path)]) == 0
    (path,) = (tmp_path / "smoke" / "pictures").glob("multi-scale-*.json")
    return path


def test_from_a_tokenizer_to_pictures(generate, stored, multi_scale: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate("--run", multi_scale, "--prior", "var") == 0
    path, record, sampling = stored(multi_scale.parent)
    assert (record.prior, record.exact, record.layout["by_scale"]) == ("var", True, True)
    assert record.layout["grids"] == [[1, 1], [2, 2], [4, 4]]
    loaded = load_run(multi_scale, "var")
    assert isinstance(loaded.prior, VAR)
    assert record.parameters == sum(each.numel() for each in loaded.prior.parameters() if each.requires_grad)
    assert loaded.prior.config.width == PRESETS["smoke"].model.width
    quantizer, kept = loaded.tokenizer.quantizers[0], loaded.prior.input.quantizer
    assert torch.equal(kept.codebook.vectors, quantizer.codebook.vectors)
    assert loaded.sample(3).shape == (3, 3, 32, 32)
    # near what a fresh prior says of 21 codes: that they may be any
    bits = read_arrays(path)["image/nll_bits"]
    assert np.isfinite(bits).all()
    assert 0 < bits.mean() < 1.1 * 21 * math.log2(quantizer.codebook_size)
    samples = read_arrays(multi_scale.with_name(f"{sampling.id}.json"))["samples"]
    assert samples.shape == (32, 3, 32, 32)
    assert sampling.speed["first_image_seconds"] > 0
    # drawn again without training, by other words
    capsys.readouterr()
    assert generate("--run", multi_scale, "--prior", "var", "--generation.sampling.top-k", 5) == 0
    assert "drawing from the stored" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(ValueError, match="knows whole pictures of one size"):
        CodePrior(open_run(multi_scale, "var", cpu=True).prior)


def test_mistakes_are_a_sentence(generate, fsq: Path, multi_scale: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate("--run", fsq, "--prior", "var") == 2
    assert "only the codes of one multi-scale quantizer can be taken by scale, got FSQ" in " ".join(
        capsys.readouterr().err.split()
    )
    assert generate("--run", multi_scale, "--prior", "var", "--flatten") == 2
    assert "a var has one at each: leave it out" in " ".join(capsys.readouterr().err.split())
    assert not list(multi_scale.parent.glob("prior-*"))
