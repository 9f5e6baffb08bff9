"""Codebooks against a peer, and what happens to dead codes."""

import pytest
import torch
from vector_quantize_pytorch import VectorQuantize

from quantizers import create_quantizer
from quantizers.codebook import LearnedCodebook
from quantizers.search import nearest_codes
from quantizers.vq_ema import EMACodebook


def test_ema_update_is_the_peers_after_several_steps():
    torch.manual_seed(0)
    peer = VectorQuantize(
        dim=6, codebook_size=40, decay=0.9, eps=1e-3, threshold_ema_dead_code=0, kmeans_init=False, rotation_trick=False
    ).train()
    ours = create_quantizer(
        "vq-ema", dim=6, codebook_size=40, decay=0.9, eps=1e-3, dead_threshold=0, kmeans_iterations=0
    ).train()
    theirs = peer._codebook
    ours.codebook.vectors.copy_(theirs.embed[0])
    ours.codebook.sums.copy_(theirs.embed_avg[0])
    ours.codebook.counts.copy_(theirs.cluster_size[0])
    for _ in range(6):
        rows = torch.randn(500, 6)
        quantized, codes, loss = peer(rows.unsqueeze(0))
        out = ours(rows)
        assert torch.equal(out.codes.squeeze(1), codes[0])
        torch.testing.assert_close(out.quantized, quantized[0], rtol=0, atol=1e-6)
        torch.testing.assert_close(out.stats["commitment"], loss.squeeze().detach(), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(ours.codebook.vectors, theirs.embed[0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(ours.codebook.counts, theirs.cluster_size[0], rtol=1e-5, atol=1e-6)


def test_vq_loss_and_its_gradients_are_equation_three():
    quantizer = create_quantizer("vq", dim=4, codebook_size=16, kmeans_iterations=0, dead_threshold=0)
    z = torch.randn(50, 4, requires_grad=True)
    out = quantizer(z)
    vectors = quantizer.codebook.vectors
    difference = (z - vectors[out.codes.squeeze(1)]).detach()
    torch.testing.assert_close(out.loss.detach(), 1.25 * difference.square().mean())
    out.loss.backward()
    torch.testing.assert_close(z.grad, 0.25 * 2 * difference / difference.numel())
    expected = torch.zeros_like(vectors).index_add_(0, out.codes.squeeze(1), -2 * difference / difference.numel())
    torch.testing.assert_close(vectors.grad, expected)


@pytest.mark.parametrize("kind", [LearnedCodebook, EMACodebook])
def test_dead_codes_become_rows_of_the_batch_and_stay(kind):
    torch.manual_seed(0)
    codebook = kind(8, 2, kmeans_iterations=0).train()
    codebook.vectors.data.copy_(torch.cat([torch.randn(4, 2), 100 + torch.randn(4, 2)]))
    codebook.counts[4:] = 1e-4
    codebook.steps.fill_(1)
    rows = torch.randn(64, 2)
    codebook.update(rows, nearest_codes(rows, codebook()))
    for vector in codebook.vectors[4:]:
        assert (rows == vector).all(1).any()
    assert torch.equal(codebook.counts[4:], codebook.counts[4:5].expand(4))
    revived = codebook.vectors[4:].clone()
    codebook.update(rows[:0], nearest_codes(rows[:0], codebook()))
    assert torch.equal(codebook.vectors[4:], revived)
    empty = torch.full((64,), 0)  # a step in which the revived codes get nothing leaves them where they are
    codebook.update(rows, empty)
    torch.testing.assert_close(codebook.vectors[4:].detach(), revived.detach(), rtol=1e-4, atol=1e-4)


def test_a_first_batch_smaller_than_the_codebook():
    torch.manual_seed(0)
    quantizer = create_quantizer("vq-ema", dim=3, codebook_size=64).train()
    first = torch.randn(20, 3)
    assert torch.equal(quantizer(first).quantized, first)
    for _ in range(4):
        quantizer(torch.randn(40, 3))
    assert quantizer.eval()(torch.randn(5000, 3)).stats["usage"] > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vq", "vq-ema"])
def test_training_on_drifting_data_does_not_collapse(name):
    usage = {}
    for kind, options in {"paper": {"dead_threshold": 0, "kmeans_iterations": 0}, "default": {}}.items():
        torch.manual_seed(0)
        quantizer = create_quantizer(name, dim=8, codebook_size=128, **options).train()
        parameters = list(quantizer.parameters())
        optimizer = torch.optim.Adam(parameters, 1e-3) if parameters else None
        offset = torch.randn(8)
        for step in range(300):
            out = quantizer(torch.randn(256, 8) + min(step, 100) / 50 * offset)
            if optimizer:
                optimizer.zero_grad()
                out.loss.backward()
                optimizer.step()
        usage[kind] = out.stats["usage"].item()
    assert usage["default"] > 0.6
    assert usage["default"] > 2 * usage["paper"]
