"""`load_run`: a stored run back in Python."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import load_run
from benchmarks.records.arrays import read_arrays
from priors import Sampling


def test_its_tokenizer_gives_the_stored_reconstructions(fsq: Path) -> None:
    run = load_run(str(fsq))
    assert not run.tokenizer.training
    arrays = read_arrays(fsq)
    pictures = torch.from_numpy(arrays["samples/original"]) / 127.5 - 1
    made = run.tokenizer.decode(run.tokenizer.encode(pictures)).clamp(-1, 1)
    shown = ((made.detach() + 1) * 127.5).round().to(torch.uint8)
    np.testing.assert_allclose(shown.numpy(), arrays["samples/reconstruction"], atol=1)
    assert run.record.quantizer.name == "fsq"
    with pytest.raises(ValueError, match=r"no prior to draw from: train one by python -m benchmarks\.generate"):
        run.sample(1)


def test_its_prior_draws_pictures(fsq: Path, generate) -> None:
    for prior in ("gpt", "maskgit"):
        assert generate("--run", fsq, "--prior", prior) == 0
    run = load_run(fsq)
    assert type(run.prior).__name__ == "GPT"
    pictures = run.sample(3, seed=1)
    assert pictures.shape == (3, 3, 32, 32)
    assert pictures.abs().max() <= 1
    assert torch.equal(pictures, run.sample(3, seed=1))
    assert not torch.equal(pictures, run.sample(3, seed=2))
    assert not torch.equal(pictures, run.sample(3, seed=1, sampling=Sampling(top_k=1)))
    assert type(load_run(fsq, prior="maskgit").prior).__name__ == "MaskGIT"


def test_what_cannot_be_loaded_is_said(fsq: Path, generate) -> None:
    assert generate("--run", fsq) == 0
    (weights,) = fsq.parent.glob("prior-*.safetensors")
    weights.unlink()
    with pytest.raises(ValueError, match=r"which has the prior; make it again: python -m benchmarks\.generate"):
        load_run(fsq)
    with pytest.raises(ValueError, match="not a readable file"):
        load_run(fsq.with_name("nothing.json"))
    fsq.with_suffix(".safetensors").unlink()
    with pytest.raises(ValueError, match="which has the trained tokenizer; make it again"):
        load_run(fsq)
