"""The differentiable error vector, from its equation and against a peer."""

import pytest
import torch
from vector_quantize_pytorch.vector_quantize_pytorch import directional_reparam

from quantizers import create_quantizer
from quantizers.diveq import reparameterised


@pytest.fixture
def quantizer():
    torch.manual_seed(0)
    return create_quantizer("diveq", dim=6, codebook_size=40)


def test_values_and_gradients_are_the_peers():
    torch.manual_seed(0)
    weight = torch.randn(50, 6)
    results = []
    for function in (reparameterised, directional_reparam):
        torch.manual_seed(1)
        rows, chosen = torch.randn(50, 6, requires_grad=True), torch.randn(50, 6, requires_grad=True)
        torch.manual_seed(2)
        quantized = function(rows, chosen, 0.3)
        results.append((quantized, *torch.autograd.grad((weight * quantized).sum(), (rows, chosen))))
    torch.testing.assert_close(*results)


def test_the_gradient_is_shared_out_along_the_error():
    torch.manual_seed(0)
    rows, chosen, gradient = torch.randn(3, 50, 6, dtype=torch.float64)
    rows, chosen = rows.requires_grad_(), chosen.requires_grad_()
    quantized = reparameterised(rows, chosen, 0.3)
    of_rows, of_chosen = torch.autograd.grad(quantized, (rows, chosen), gradient)
    error = (chosen - rows).detach()
    length = error.norm(dim=1, keepdim=True)
    along = ((quantized - rows).detach() / length * gradient).sum(1, keepdim=True) * error / length
    torch.testing.assert_close(of_rows, gradient - along)
    torch.testing.assert_close(of_chosen, along)


def test_the_output_is_as_far_away_as_the_code_and_without_noise_the_code():
    torch.manual_seed(0)
    rows, chosen = torch.randn(2, 50, 6)
    distance = (chosen - rows).norm(dim=1)
    torch.testing.assert_close((reparameterised(rows, chosen, 2.0) - rows).norm(dim=1), distance)
    torch.testing.assert_close(reparameterised(rows, chosen, 0.0), chosen)


def test_variance_is_that_of_the_noise():
    torch.manual_seed(0)
    rows, chosen = torch.zeros(40_000, 3), torch.zeros(40_000, 3)
    chosen[:, 0] = 1
    quantized = reparameterised(rows, chosen, 1e-3)
    tilt = quantized[:, 1:] / quantized[:, :1]
    assert tilt.var().item() == pytest.approx(1e-3, rel=0.03)


def test_codes_are_the_nearest_and_there_is_no_loss(quantizer):
    z = torch.randn(300, 6)
    vectors = None
    for _ in range(2):
        vectors = quantizer.codebook().detach().clone()
        out = quantizer(z)
    assert out.loss == 0
    assert not out.loss.requires_grad
    distances = torch.cdist(z.double(), vectors.double())
    assert torch.equal(out.codes.squeeze(1), distances.argmin(1))
    error = vectors[out.codes.squeeze(1)] - z
    assert out.stats["distortion"].item() == pytest.approx(error.square().mean().item(), rel=1e-5)
    noise = out.quantized - z - error
    assert 0 < noise.norm(dim=1).mean() < 0.2


def test_eval_mode_is_the_code_itself(quantizer):
    z = torch.randn(300, 6, requires_grad=True)
    quantizer(z)
    out = quantizer.eval()(z)
    assert torch.equal(out.quantized, quantizer.codebook()[out.codes.squeeze(1)])
    upstream = torch.randn(300, 6)
    assert torch.equal(torch.autograd.grad(out.quantized, z, upstream)[0], upstream)


def test_a_row_on_its_code_passes_its_gradient_on():
    rows = torch.randn(5, 6, requires_grad=True)
    chosen = rows.detach().clone().requires_grad_()
    upstream = torch.randn(5, 6)
    of_rows, of_chosen = torch.autograd.grad(reparameterised(rows, chosen, 1e-3), (rows, chosen), upstream)
    assert torch.equal(of_rows, upstream)
    assert torch.equal(of_chosen, torch.zeros(5, 6))


def test_the_codebook_learns_from_the_reconstruction_alone():
    torch.manual_seed(0)
    quantizer = create_quantizer("diveq", dim=2, codebook_size=16, kmeans_iterations=0)
    optimizer = torch.optim.Adam(quantizer.parameters(), 1e-2)
    distortions = []
    for _ in range(200):
        rows = 2 + torch.randn(256, 2)
        out = quantizer(rows)
        optimizer.zero_grad()
        (out.quantized - rows).square().mean().backward()
        optimizer.step()
        distortions.append(out.stats["distortion"].item())
    assert distortions[-1] < 0.05 * distortions[0]
    assert out.stats["usage"] == 1
