"""The logit-Laplace distribution, against numerical integration and its equation in float64."""

import math

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import laplace

from autoencoders.pictures.logit_laplace import logit_laplace_loss, negative_log_density, squeeze, unsqueeze


def density(x: float, location: float, scale: float) -> float:
    values = torch.tensor([x, location, math.log(scale)], dtype=torch.float64)
    return math.exp(-float(negative_log_density(*values)))


@pytest.mark.parametrize(("location", "scale"), [(0.0, 0.3), (1.5, 0.5), (-2.0, 0.1), (0.7, 0.9)])
def test_the_density_integrates_to_one_and_has_the_median_of_its_location(location: float, scale: float) -> None:
    median = 1 / (1 + math.exp(-location))
    below, _ = quad(density, 0, median, (location, scale))
    above, _ = quad(density, median, 1, (location, scale))
    assert below == pytest.approx(0.5, abs=1e-6)
    assert above == pytest.approx(0.5, abs=1e-6)


def test_the_density_is_that_of_a_laplace_variable_through_a_sigmoid() -> None:
    """Change of variables: f(x) = Laplace(logit x) · d logit x / dx."""
    for x in (0.1, 0.37, 0.9):
        expected = laplace.pdf(math.log(x / (1 - x)), loc=-0.4, scale=0.6) / (x * (1 - x))
        assert density(x, -0.4, 0.6) == pytest.approx(expected, rel=1e-12)


def test_the_loss_is_the_mean_over_pixels_of_the_equation_in_float64() -> None:
    torch.manual_seed(0)
    images = torch.rand(2, 3, 4, 5) * 2 - 1
    location, log_scale = torch.randn(2, 2, 3, 4, 5)
    loss = logit_laplace_loss(images, unsqueeze(location.sigmoid()), log_scale)
    total = 0.0
    for pixel, mu, log_b in torch.stack([images, location, log_scale], -1).view(-1, 3).tolist():
        x, b = 0.1 + 0.8 * (pixel + 1) / 2, math.exp(log_b)
        total -= math.log(math.exp(-abs(math.log(x / (1 - x)) - mu) / b) / (2 * b * x * (1 - x)))
    assert float(loss) == pytest.approx(total / images.numel(), rel=1e-4)


def test_pixels_are_squeezed_by_a_tenth_at_either_end() -> None:
    pixels = torch.tensor([-1.0, -0.5, 0.0, 1.0]).view(1, 1, 1, 4)
    torch.testing.assert_close(squeeze(pixels).flatten(), torch.tensor([0.1, 0.3, 0.5, 0.9]))
    torch.testing.assert_close(unsqueeze(squeeze(pixels)), pixels)


def test_the_location_and_its_gradient_come_through_the_picture() -> None:
    location = torch.linspace(-6, 6, 97).view(1, 1, 1, -1).requires_grad_()
    through = torch.logit(squeeze(unsqueeze(location.sigmoid())))
    torch.testing.assert_close(through, location, rtol=0, atol=2e-4)
    (gradient,) = torch.autograd.grad(through.sum(), location)
    torch.testing.assert_close(gradient, torch.ones_like(location), rtol=0, atol=2e-4)


def test_a_saturated_mean_has_a_finite_loss_and_gradient() -> None:
    location = torch.tensor([-200.0, -20, 20, 200]).view(1, 1, 1, 4).requires_grad_()
    loss = logit_laplace_loss(torch.zeros(1, 1, 1, 4), unsqueeze(location.sigmoid()), torch.zeros(1, 1, 1, 4))
    loss.backward()
    assert loss.isfinite()
    assert location.grad.isfinite().all()


def test_half_precision_is_summed_in_float32() -> None:
    images = torch.zeros(1, 1, 2, 2, dtype=torch.bfloat16)
    loss = logit_laplace_loss(images, images, images)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(math.log(2) - math.log(4))
