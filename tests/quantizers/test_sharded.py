"""Codebooks whose parameter is sharded or broadcast by PyTorch's data-parallel wrappers, in processes of their own."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sharded_training
import torch
from torch import nn

from quantizers import create_quantizer

PROGRAM = Path(sharded_training.__file__)
RANKS = 2


def run(wrapper: str, folder: Path) -> dict[Any, Any]:
    output = folder / "found.pt"
    processes = [
        subprocess.Popen([sys.executable, PROGRAM, wrapper, str(rank), str(RANKS), str(folder / "store"), str(output)])
        for rank in range(RANKS)
    ]
    assert [process.wait(300) for process in processes] == [0] * RANKS
    return torch.load(output, weights_only=False)


@pytest.mark.slow
def test_what_is_written_under_fully_shard_lasts(tmp_path: Path) -> None:
    found = run("fully_shard", tmp_path)
    bfloat16 = found.pop("bfloat16")["1.codebook.vectors"]
    for name, state in found.items():
        whole = sharded_training.model_of(name if name in sharded_training.METHODS else "vq")
        sharded_training.train(whole, 0, 1)
        for key, value in whole.state_dict().items():
            assert torch.allclose(state[key], value, rtol=1e-4, atol=1e-4), f"{name} {key}"
    # no learning rate: what the start and the revived codes wrote is all that there is, and it is in full precision
    assert (bfloat16 - bfloat16.bfloat16().float()).abs().amax(1).gt(0).float().mean() > 0.9
    assert bfloat16.abs().amax(1).min() > 1 / sharded_training.SIZE


@pytest.mark.slow
def test_a_flat_parameter_is_refused_before_anything_is_lost(tmp_path: Path) -> None:
    found = run("fsdp1", tmp_path)
    for (name, _, kept_alive), outcome in found.items():
        if name == "vq" and kept_alive:
            assert "FullyShardedDataParallel" in outcome
            assert "fully_shard" in outcome
        else:
            assert outcome == "trained"


@pytest.mark.slow
def test_a_checkpoint_that_the_first_rank_read_is_everyones(tmp_path: Path) -> None:
    for needs_start, state in run("ddp", tmp_path).values():
        assert not any(needs_start)
        assert all(value.isfinite().all() for value in state.values())


@pytest.mark.parametrize("mark", ["ds_id", "_hp_mapping"])
@pytest.mark.parametrize("options", [{}, {"kmeans_iterations": 0}])
def test_a_parameter_of_deepspeed_is_refused(mark: str, options: dict[str, int]) -> None:
    quantizer = create_quantizer("vq", bits=4, **options).train()
    setattr(quantizer.codebook.vectors, mark, 0)
    before = quantizer.codebook.vectors.detach().clone()
    with pytest.raises(RuntimeError, match="DeepSpeed"):
        quantizer(torch.randn(64, quantizer.dim))
    assert torch.equal(quantizer.codebook.vectors, before)


def test_a_parametrized_codebook_is_refused_unless_nothing_would_be_written() -> None:
    for options in ({}, {"kmeans_iterations": 0, "dead_threshold": 0}):
        quantizer = create_quantizer("vq", bits=4, **options).train()
        nn.utils.parametrizations.weight_norm(quantizer.codebook, "vectors")
        if options:
            quantizer(torch.randn(64, quantizer.dim)).loss.backward()
        else:
            with pytest.raises(RuntimeError, match="parametrization"):
                quantizer(torch.randn(64, quantizer.dim))
