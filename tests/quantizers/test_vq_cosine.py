"""Vector quantization on the sphere, from its equations and against a peer."""

import pytest
import torch
from vector_quantize_pytorch import VectorQuantize

from quantizers import create_quantizer
from quantizers.estimators import SMALLEST_NORM


@pytest.fixture
def quantizer():
    torch.manual_seed(0)
    return create_quantizer("vq-cosine", dim=6, codebook_size=40, kmeans_iterations=0, dead_threshold=0)


def test_a_random_start_is_on_the_sphere(quantizer):
    torch.testing.assert_close(quantizer.codebook.vectors.norm(dim=1), torch.ones(40))


def test_codes_have_the_largest_cosine_and_outputs_length_one(quantizer):
    quantizer.codebook.vectors.data.mul_(torch.rand(40, 1) + 0.1)  # lengths that training could give
    z = 5 * torch.randn(300, 6)
    out = quantizer(z)
    cosines = torch.cosine_similarity(z.double().unsqueeze(1), quantizer.codebook.vectors.double(), dim=2)
    assert torch.equal(out.codes.squeeze(1), cosines.argmax(1))
    torch.testing.assert_close(out.quantized.norm(dim=1), torch.ones(300))
    assert torch.equal(quantizer(100 * z).codes, out.codes)


def test_loss_and_gradients_are_the_papers(quantizer):
    quantizer = quantizer.double()
    z = torch.randn(50, 6, dtype=torch.float64, requires_grad=True)
    vectors = quantizer.codebook.vectors
    out = quantizer(z)
    weight = torch.randn(50, 6, dtype=torch.float64)
    found = torch.autograd.grad(out.loss + (weight * out.quantized).sum(), (z, vectors))
    unit = z / z.square().sum(1, keepdim=True).sqrt()
    chosen = (vectors / vectors.square().sum(1, keepdim=True).sqrt())[out.codes.squeeze(1)]
    loss = (chosen - unit.detach()).square().mean() + 0.25 * (chosen.detach() - unit).square().mean()
    quantized = unit + (chosen - unit).detach()
    torch.testing.assert_close(out.loss, loss)
    torch.testing.assert_close(out.quantized, quantized)
    expected = torch.autograd.grad(loss + (weight * quantized).sum(), (z, vectors))
    torch.testing.assert_close(found, expected)


def test_codes_values_and_commitment_are_the_peers(quantizer):
    peer = VectorQuantize(
        dim=6, codebook_size=40, use_cosine_sim=True, rotation_trick=False, threshold_ema_dead_code=0, ema_update=False
    ).train()
    peer._codebook.embed.data[0].copy_(quantizer.codebook.vectors.detach())
    z = torch.randn(500, 6)
    quantized, codes, commitment = peer(z.unsqueeze(0))
    out = quantizer(z)
    assert torch.equal(out.codes.squeeze(1), codes[0])
    torch.testing.assert_close(out.quantized, quantized[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(out.stats["commitment"], commitment.squeeze().detach())


def test_the_start_finds_directions_whatever_the_lengths():
    torch.manual_seed(0)
    centres = torch.cat([torch.eye(8), -torch.eye(8)])
    rows = (centres + 0.05 * torch.randn(100, 16, 8)) * torch.empty(100, 16, 1).uniform_(0.1, 10)
    quantizer = create_quantizer("vq-cosine", dim=8, codebook_size=16)
    out = quantizer(rows.flatten(0, 1))
    assert out.stats["usage"] == 1
    labels = out.codes.view(100, 16)
    assert (labels == labels[:1]).all()
    torch.testing.assert_close(quantizer.codebook.vectors.norm(dim=1), torch.ones(16))


def test_a_row_seen_twice_makes_equal_codes():
    torch.manual_seed(0)
    quantizer = create_quantizer("vq-cosine", dim=4, codebook_size=256)
    z = torch.randn(100, 4)
    for _ in range(3):  # more codes than rows: the dead ones become rows that are codes already
        quantizer(z)
    vectors = quantizer.codebook()
    distances = torch.cdist(vectors, vectors, compute_mode="donot_use_mm_for_euclid_dist")
    assert (distances[distances > 0] > 1e-5).all()


def test_a_row_at_zero_has_a_finite_gradient(quantizer):
    z = torch.zeros(3, 6, requires_grad=True)
    out = quantizer(z)
    (out.quantized.sum() + out.loss).backward()
    assert out.quantized.isfinite().all()
    assert z.grad.abs().max() <= 2 / SMALLEST_NORM
