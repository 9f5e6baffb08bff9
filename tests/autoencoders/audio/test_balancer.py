import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from autoencoders.audio.balancer import Balancer

WEIGHTS = {"time": 1.0, "mel": 4.0, "gan": 3.0}


def losses(signal: torch.Tensor, target: torch.Tensor) -> dict[str, torch.Tensor]:
    return {
        "time": (signal - target).abs().mean(),
        "mel": 1000 * (signal - target).square().mean(),
        "gan": 1e-3 * (signal * target).sum().sin(),
    }


def balanced(balancer: Balancer, of: dict[str, torch.Tensor], signal: torch.Tensor) -> torch.Tensor:
    (gradient,) = torch.autograd.grad(balancer(of, signal), signal)
    return gradient


def test_it_is_its_definition_over_several_steps() -> None:
    """By hand in float64; the third loss comes in at the third step."""
    generator = torch.Generator().manual_seed(0)
    balancer = Balancer(WEIGHTS, decay=0.9)
    past: dict[str, list[float]] = {name: [] for name in WEIGHTS}
    for step in range(5):
        signal = torch.randn(4, 2, 30, generator=generator, dtype=torch.float64).requires_grad_()
        target = torch.randn(4, 2, 30, generator=generator, dtype=torch.float64)
        names = list(WEIGHTS) if step >= 2 else ["time", "mel"]
        expected = torch.zeros_like(signal)
        for name in names:
            (gradient,) = torch.autograd.grad(losses(signal, target)[name], signal)
            past[name].append(gradient.flatten(1).norm(dim=1).mean().item())
            powers = [0.9**age for age in range(len(past[name]))][::-1]
            average = sum(p * n for p, n in zip(powers, past[name], strict=True)) / sum(powers)
            expected += WEIGHTS[name] / sum(WEIGHTS[each] for each in names) * gradient / average
        found = balanced(balancer, {name: losses(signal, target)[name] for name in names}, signal)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_scales_of_losses_do_not_count() -> None:
    signal, target = torch.randn(3, 1, 20, requires_grad=True), torch.randn(3, 1, 20)
    of = losses(signal, target)
    expected = balanced(Balancer(WEIGHTS), of, signal)
    found = balanced(Balancer(WEIGHTS), {name: 1e4 * loss for name, loss in of.items()}, signal)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    alone = balanced(Balancer(WEIGHTS), {"mel": of["mel"]}, signal)
    assert alone.flatten(1).norm(dim=1).mean().item() == pytest.approx(1, rel=1e-5)


def test_its_gradient_reaches_the_weights_beside_another_loss() -> None:
    torch.manual_seed(0)
    net, x = nn.Linear(5, 5), torch.randn(2, 1, 5)
    signal = net(x)
    balancer = Balancer({"a": 1.0})
    (balancer({"a": signal.square().mean()}, signal) + net.bias.sum()).backward()
    (direct,) = torch.autograd.grad(signal_loss := net(x).square().mean(), [net.bias])
    assert signal_loss.isfinite()
    rest = net.bias.grad - 1
    torch.testing.assert_close(rest / rest.norm(), direct / direct.norm())


def test_a_loss_without_a_gradient_stays_without() -> None:
    signal = torch.randn(2, 1, 5, requires_grad=True)
    found = balanced(Balancer(WEIGHTS), {"time": 0 * signal.sum(), "mel": signal.square().sum()}, signal)
    assert found.isfinite().all()


def test_the_averages_are_stored() -> None:
    signal = torch.randn(2, 1, 5, requires_grad=True)
    balancer, twin = Balancer(WEIGHTS), Balancer(WEIGHTS)
    balanced(balancer, {"mel": signal.square().sum()}, signal)
    twin.load_state_dict(balancer.state_dict())
    of = {"mel": signal.pow(4).sum()}
    assert torch.equal(balanced(twin, of, signal), balanced(balancer, of, signal))
    assert not torch.equal(balanced(Balancer(WEIGHTS), of, signal), balanced(balancer, of, signal))


def test_bad_weights_and_losses() -> None:
    for weights in ({}, {"a": 0.0}, {"a": float("nan")}):
        with pytest.raises(ValueError, match="weights must be one or more"):
            Balancer(weights)
    with pytest.raises(ValueError, match="decay must be"):
        Balancer(WEIGHTS, decay=1.0)
    signal = torch.zeros(1, 1, 4, requires_grad=True)
    with pytest.raises(ValueError, match="losses must be some of time, mel, gan, got other"):
        Balancer(WEIGHTS)({"other": signal.sum()}, signal)
    with pytest.raises(ValueError, match="got none"):
        Balancer(WEIGHTS)({}, signal)


@pytest.mark.slow
def test_two_ranks_equal_one(tmp_path: Path) -> None:
    script, outputs = Path(__file__).with_name("balanced_rank_step.py"), [tmp_path / f"{rank}.pt" for rank in range(3)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    ranks = [
        subprocess.Popen([sys.executable, script, str(rank), "2", tmp_path / "store", outputs[rank]], env=environment)
        for rank in range(2)
    ]
    assert [rank.wait(300) for rank in ranks] == [0, 0]
    runpy.run_path(str(script))["main"](0, 1, "", str(outputs[2]))
    first, second, whole = (torch.load(output) for output in outputs)
    for name, expected in whole.items():
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)
        torch.testing.assert_close(first[name], expected, rtol=1e-5, atol=1e-6)
