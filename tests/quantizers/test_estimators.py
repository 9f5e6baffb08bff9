"""Gradient estimators against their definitions."""

import pytest
import torch

from quantizers import create_quantizer
from quantizers.estimators import ESTIMATORS, rotation_trick, straight_through


def pair(count=20, dim=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    rows, quantized = (torch.randn(count, dim, generator=generator, dtype=torch.float64) for _ in range(2))
    return rows.requires_grad_(), quantized


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS.keys())
def test_value_is_the_quantized_vector(estimator):
    rows, quantized = pair()
    assert torch.equal(estimator(rows, quantized), quantized)
    assert estimator(rows[:0], quantized[:0]).shape == (0, 5)


def test_straight_through_is_the_identity_backward():
    rows, quantized = pair()
    upstream = torch.randn(20, 5, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(straight_through(rows, quantized), rows, upstream)
    assert torch.equal(gradient, upstream)


def rotation_matrix(source, target):
    """The rotation in the plane of the two unit vectors that takes one to the other, from its two axes."""
    cosine = source @ target
    axis = target - cosine * source
    if axis.norm() < 1e-12:
        return torch.eye(len(source), dtype=source.dtype)
    axis = axis / axis.norm()
    sine = (target @ axis).item()
    plane = torch.stack([source, axis], 1)
    turn = torch.tensor([[cosine, -sine], [sine, cosine]], dtype=source.dtype)
    return torch.eye(len(source), dtype=source.dtype) + plane @ (turn - torch.eye(2, dtype=source.dtype)) @ plane.T


@pytest.mark.parametrize("dim", [2, 3, 16])
def test_rotation_trick_is_its_definition(dim):
    rows, quantized = pair(dim=dim, seed=dim)
    upstream = torch.randn(20, dim, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(rotation_trick(rows, quantized), rows, upstream)
    for row, target, above, found in zip(rows.detach(), quantized, upstream, gradient, strict=True):
        rotation = target.norm() / row.norm() * rotation_matrix(row / row.norm(), target / target.norm())
        torch.testing.assert_close(rotation @ row, target)
        torch.testing.assert_close(found, rotation.T @ above)


def test_rotation_keeps_the_angle_between_gradient_and_vector():
    rows, quantized = pair()
    upstream = torch.randn(20, 5, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(rotation_trick(rows, quantized), rows, upstream)
    torch.testing.assert_close(
        torch.cosine_similarity(gradient, rows.detach()), torch.cosine_similarity(upstream, quantized)
    )


def test_rotation_is_finite_at_zero_and_at_the_opposite():
    rows = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1e-30, 0.0]], requires_grad=True)
    quantized = torch.tensor([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0], [1.0, 1.0]])
    (gradient,) = torch.autograd.grad(rotation_trick(rows, quantized).sum(), rows)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", ["vq", "vq-ema", "rq"])
def test_the_option_reaches_the_gradient(name):
    quantizer = create_quantizer(name, bits=4, dim=3, estimator="rotation")
    assert not quantizer.is_straight_through
    z = torch.randn(50, 3, requires_grad=True)
    out = quantizer(z)
    upstream = torch.randn(50, 3)
    (gradient,) = torch.autograd.grad(out.quantized, z, upstream, retain_graph=True)
    (expected,) = torch.autograd.grad(rotation_trick(z, out.quantized), z, upstream)
    torch.testing.assert_close(gradient, expected)
    with pytest.raises(ValueError, match="estimator must be one of 'straight-through', 'rotation', got 'st'"):
        create_quantizer(name, estimator="st")
