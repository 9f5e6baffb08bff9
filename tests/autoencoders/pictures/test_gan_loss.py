from math import exp, log

import pytest
import torch

from autoencoders.pictures.gan_loss import adaptive_weight, discriminator_loss, generator_loss

REAL, FAKE = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 1.0])


def softplus(x: float) -> float:
    return log(1 + exp(x))


CROSS_ENTROPY = 0.25 * (softplus(-2) + softplus(-0.5) + softplus(-3) + softplus(1))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("hinge", 0.5 * (0.5 / 2 + 2 / 2)), ("vanilla", CROSS_ENTROPY), ("non-saturating", CROSS_ENTROPY)],
)
def test_discriminator_loss(kind: str, expected: float) -> None:
    assert discriminator_loss(kind, REAL, FAKE).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("hinge", 1.0), ("vanilla", 1.0), ("non-saturating", 0.5 * (softplus(3) + softplus(-1)))],
)
def test_generator_loss(kind: str, expected: float) -> None:
    assert generator_loss(kind, FAKE).item() == pytest.approx(expected, rel=1e-6)


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match="kind must be 'hinge'"):
        discriminator_loss("hing", REAL, FAKE)
    with pytest.raises(ValueError, match="kind must be 'hinge'"):
        generator_loss("hing", FAKE)


@pytest.mark.parametrize(("a", "b", "expected"), [(3.0, 2.0, 3 / 2.0001), (3.0, 0.0, 1e4), (0.0, 2.0, 0.0)])
def test_adaptive_weight_is_the_ratio_of_norms(a: float, b: float, expected: float) -> None:
    weight = torch.tensor([0.6, -0.8], requires_grad=True)  # of length one: ‖∇(a/2 ‖w‖²)‖ = a
    ratio = adaptive_weight(a / 2 * weight.square().sum(), b * weight.norm(), weight)
    assert ratio.item() == pytest.approx(expected, rel=1e-5)
    assert not ratio.requires_grad
    assert weight.grad is None


def test_adaptive_weight_leaves_the_graph_for_the_backward_pass() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    out = net(torch.randn(5, 3))
    reconstruction, adversarial = out.square().mean(), out.sin().mean()
    norms = [
        torch.autograd.grad(loss, net[2].weight, retain_graph=True)[0].double().norm()
        for loss in (reconstruction, adversarial)
    ]
    ratio = adaptive_weight(reconstruction, adversarial, net[2].weight)
    assert ratio.item() == pytest.approx((norms[0] / (norms[1] + 1e-4)).item(), rel=1e-5)
    (reconstruction + ratio * adversarial).backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
