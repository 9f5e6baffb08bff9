"""The frozen codebook under a linear layer, from its equations and against a peer."""

import pytest
import torch
from vector_quantize_pytorch import SimVQ

from quantizers import create_quantizer


@pytest.fixture
def quantizer():
    torch.manual_seed(0)
    return create_quantizer("simvq", dim=6, codebook_size=40)


def test_loss_and_gradients_are_the_papers(quantizer):
    quantizer = quantizer.double()
    z = torch.randn(50, 6, dtype=torch.float64, requires_grad=True)
    table, linear = quantizer.codebook.table, quantizer.codebook.linear
    out = quantizer(z)
    found = torch.autograd.grad(out.loss, (z, linear.weight, linear.bias))
    vectors = torch.einsum("ki,oi->ko", table, linear.weight) + linear.bias
    chosen = vectors[(z.unsqueeze(1) - vectors).square().sum(2).argmin(1)]
    assert torch.equal(out.quantized, vectors[out.codes.squeeze(1)])
    torch.testing.assert_close(out.quantized, chosen)
    loss = (chosen - z.detach()).square().mean() + 0.25 * (chosen.detach() - z).square().mean()
    torch.testing.assert_close(out.loss, loss)
    torch.testing.assert_close(found, torch.autograd.grad(loss, (z, linear.weight, linear.bias)))


@pytest.mark.parametrize("estimator", ["straight-through", "rotation"])
def test_codes_values_and_gradients_are_the_peers(estimator):
    torch.manual_seed(0)
    quantizer = create_quantizer("simvq", dim=6, codebook_size=40, estimator=estimator)
    peer = SimVQ(dim=6, codebook_size=40, rotation_trick=estimator == "rotation")
    linear = quantizer.codebook.linear
    linear.bias.data.zero_()  # the peer's layer has none, the authors' has
    linear.weight.data.copy_(peer.code_transform.weight)
    quantizer.codebook.table.copy_(peer.frozen_codebook)
    weight = torch.randn(200, 6)
    z, peers_z = (torch.linspace(-2, 2, 1200).sin().view(200, 6).requires_grad_() for _ in range(2))
    out = quantizer(z)
    quantized, codes, loss = peer(peers_z.unsqueeze(0))
    assert torch.equal(out.codes.squeeze(1), codes[0])
    torch.testing.assert_close(out.quantized, quantized[0])
    torch.testing.assert_close(out.loss, loss)
    found = torch.autograd.grad(out.loss + (weight * out.quantized).sum(), (z, linear.weight))
    expected = torch.autograd.grad(loss + (weight * quantized[0]).sum(), (peers_z, peer.code_transform.weight))
    torch.testing.assert_close(found, expected)


def test_the_table_is_frozen_and_has_variance_one_over_dim():
    torch.manual_seed(0)
    quantizer = create_quantizer("simvq", dim=16, codebook_size=4096)
    table = quantizer.codebook.table.clone()
    assert table.var().item() == pytest.approx(1 / 16, rel=0.03)
    before = quantizer.codebook().detach()
    optimizer = torch.optim.Adam(quantizer.parameters(), 1e-2)
    out = quantizer(torch.randn(20, 16))
    out.loss.backward()
    optimizer.step()
    assert torch.equal(quantizer.codebook.table, table)
    assert out.stats["usage"] < 0.01
    moved = (quantizer.codebook() - before).abs().amax(1) > 1e-3
    assert moved.all()  # also the codes that no row chose


def test_one_product_a_step(quantizer):
    calls = []
    quantizer.codebook.linear.register_forward_hook(lambda *_: calls.append(1))
    quantizer(torch.randn(30, 6)).loss.backward()
    assert len(calls) == 1


@pytest.mark.slow
def test_unused_codes_come_along_to_data_far_off_where_a_plain_codebook_leaves_them():
    usage, losses = {}, {}
    for name, options in {"simvq": {}, "vq": {"kmeans_iterations": 0, "dead_threshold": 0}}.items():
        torch.manual_seed(0)
        quantizer = create_quantizer(name, dim=8, codebook_size=128, **options)
        optimizer = torch.optim.Adam(quantizer.parameters(), 1e-2)
        for _ in range(600):
            out = quantizer(3 + torch.randn(256, 8))
            optimizer.zero_grad()
            out.loss.backward()
            optimizer.step()
        usage[name], losses[name] = out.stats["usage"], out.loss
    assert usage["simvq"] > 8 * usage["vq"]
    assert losses["simvq"] < 0.8 * losses["vq"]


def test_its_vectors_make_a_plain_vq_of_the_same_codes(quantizer):
    plain = create_quantizer("vq", dim=6, codebook_size=40, kmeans_iterations=0).eval()
    plain.codebook.vectors.data.copy_(quantizer.codebook())
    z = torch.randn(2, 6, 5, 5)
    assert torch.equal(plain(z).codes, quantizer.eval()(z).codes)
    assert torch.equal(plain(z).quantized, quantizer(z).quantized)
