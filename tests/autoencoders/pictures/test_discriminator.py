import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from autoencoders import PatchDiscriminator


@pytest.mark.parametrize(("layers", "side", "logits"), [(3, 256, 30), (3, 24, 1), (3, 32, 2), (2, 32, 6), (1, 6, 1)])
def test_one_logit_per_patch(layers: int, side: int, logits: int) -> None:
    assert PatchDiscriminator(layers, width=8)(torch.zeros(2, 3, side, side)).shape == (2, 1, logits, logits)


def test_published_size() -> None:
    """Counted on NLayerDiscriminator of github.com/CompVis/taming-transformers, its defaults."""
    assert sum(parameter.numel() for parameter in PatchDiscriminator().parameters()) == 2_765_633


def test_a_logit_sees_seventy_pixels() -> None:
    discriminator = PatchDiscriminator(width=8).eval()
    images = torch.rand(1, 3, 256, 256, requires_grad=True)
    discriminator(images)[0, 0, 15, 15].backward()
    touched = images.grad.abs().sum((0, 1)).nonzero()
    assert (touched.amax(0) - touched.amin(0) + 1).tolist() == [70, 70]


def test_initial_weights() -> None:
    torch.manual_seed(0)
    discriminator = PatchDiscriminator()
    for module in discriminator.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 10_000:
            assert module.weight.mean().abs() < 1e-3
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.02)
        if isinstance(module, nn.BatchNorm2d):
            assert module.weight.mean().item() == pytest.approx(1, abs=0.01)
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.3)
            assert not module.bias.any()


def test_bad_sizes() -> None:
    with pytest.raises(ValueError, match="at least 24 pixels, got 23 × 32; give it fewer layers"):
        PatchDiscriminator()(torch.zeros(1, 3, 23, 32))
    with pytest.raises(ValueError, match="layers and width must be at least 1"):
        PatchDiscriminator(layers=0)


@pytest.mark.slow
def test_two_ranks_equal_one(tmp_path: Path) -> None:
    """Gradients of both players, batch statistics and the adaptive weight, with half the batch on each rank."""

    def start(rank: int, ranks: int, output: Path) -> subprocess.Popen[bytes]:
        script, store = Path(__file__).with_name("rank_step.py"), tmp_path / "store"
        arguments = [str(argument) for argument in (script, rank, ranks, store, output)]
        path = os.pathsep.join(entry for entry in sys.path if entry)
        return subprocess.Popen([sys.executable, *arguments], env={**os.environ, "PYTHONPATH": path})

    outputs = [tmp_path / name for name in ("first.pt", "second.pt", "alone.pt")]
    ranks = [start(0, 2, outputs[0]), start(1, 2, outputs[1])]
    runpy.run_path(str(Path(__file__).with_name("rank_step.py")))["main"](0, 1, "", str(outputs[2]))
    assert [process.wait(timeout=120) for process in ranks] == [0, 0]
    first, second, alone = (torch.load(output, weights_only=True) for output in outputs)
    assert any(name.endswith("running_var") for name in alone)
    for name, expected in alone.items():
        first[name], expected = first[name].double(), expected.double()
        assert torch.equal(first[name], second[name].double()), name
        # the absolute part is for biases that a norm takes out again: their gradient is zero up to rounding
        assert (first[name] - expected).norm() <= 1e-4 * expected.norm() + 1e-6, name
