"""BSQ against its paper's formulas by brute force over all codes in float64, and against vector-quantize-pytorch."""

import itertools

import pytest
import torch
from vector_quantize_pytorch import LFQ as PeerLFQ

from quantizers import create_quantizer


def rows_like(bits, count=40, seed=0):
    return torch.randn(count, bits, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("bits", "inverse_temperature", "gamma"), [(1, 1.0, 1.0), (6, 1.0, 1.0), (7, 20.0, 0.5)])
def test_loss_and_its_gradient_are_the_papers(bits, inverse_temperature, gamma):
    quantizer = create_quantizer("bsq", bits=bits, inverse_temperature=inverse_temperature, diversity_gamma=gamma)
    ours, theirs = (3 * rows_like(bits)).requires_grad_(), (3 * rows_like(bits)).requires_grad_()
    u = theirs / theirs.norm(dim=1, keepdim=True)
    codes = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=bits)), dtype=torch.float64) / bits**0.5
    p = torch.softmax(2 * inverse_temperature * u @ codes.T, 1)
    reference = 0.1 * (torch.special.entr(p).sum(1).mean() - gamma * torch.special.entr(p.mean(0)).sum())
    loss = quantizer(ours).loss
    torch.testing.assert_close(loss, reference, rtol=1e-9, atol=1e-12)
    for value in (loss, reference):
        value.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-6, atol=1e-12)


def test_values_codes_gradient_and_loss_are_the_peers():
    bits = 6
    peer = PeerLFQ(dim=bits, codebook_size=2**bits, spherical=True)
    ours, theirs = (rows_like(bits).float().requires_grad_() for _ in range(2))
    out = create_quantizer("bsq", bits=bits)(ours)
    quantized, codes, loss = peer(theirs.unsqueeze(0), inv_temperature=1.0)
    torch.testing.assert_close(out.quantized, quantized.squeeze(0))
    first_bit_highest = (out.codes >> torch.arange(bits) & 1) @ 2 ** torch.arange(bits - 1, -1, -1)
    assert torch.equal(first_bit_highest, codes.squeeze(0).long())
    torch.testing.assert_close(out.loss, loss, rtol=1e-3, atol=1e-5)  # the peer averages over batches of one more axis
    upstream = rows_like(bits, seed=1).float()
    out.quantized.backward(upstream)
    quantized.backward(upstream.unsqueeze(0))
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("bits", [1, 10, 33, 62])
def test_outputs_are_unit_vectors_and_codes_their_signs(bits):
    quantizer = create_quantizer("bsq", bits=bits).eval()
    rows = rows_like(bits).float()
    out = quantizer(rows)
    assert out.codes.flatten().tolist() == [sum(1 << i for i in range(bits) if row[i] > 0) for row in rows.tolist()]
    torch.testing.assert_close(out.quantized.norm(dim=1), torch.ones(len(rows)))
    assert torch.equal(out.quantized.sign(), rows.sign())


@pytest.mark.parametrize("size", [1e-30, 1e-8, 1e18, 1e30, 3e38])
def test_signs_of_very_short_and_very_long_vectors(size):
    quantizer = create_quantizer("bsq", bits=12)
    signs = rows_like(12).sign().float()
    z = (size * signs).requires_grad_()
    out = quantizer(z)
    assert torch.equal(out.quantized.sign(), signs)
    (out.quantized.square().sum() + out.loss).backward()
    assert z.grad.isfinite().all()


def test_zero_is_coded_as_no_bit_set_with_a_finite_gradient():
    z = torch.zeros(3, 8, requires_grad=True)
    out = create_quantizer("bsq", bits=8)(z)
    assert (out.codes == 0).all()
    (out.quantized.sum() + out.loss).backward()
    assert z.grad.isfinite().all()


def test_past_62_bits():
    for bits in (0, 63):
        with pytest.raises(ValueError, match=r"bits must be an integer from 1 to 62"):
            create_quantizer("bsq", bits=bits)
