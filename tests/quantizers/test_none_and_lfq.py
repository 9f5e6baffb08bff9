"""Codes of the methods without a table."""

import pytest
import torch

from quantizers import create_quantizer


def test_none_is_lossless_for_every_float():
    quantizer = create_quantizer("none", dim=3).eval()
    z = torch.tensor([[0.0, -0.0, 1e-45], [3.4028235e38, -1.5, -3.4028235e38]])
    out = quantizer(z)
    assert torch.equal(quantizer.decode(out.codes).view(torch.int32), z.view(torch.int32))
    assert out.codes[0].tolist() == [0, 2**31, 1]


def test_none_says_its_true_rate():
    assert create_quantizer("none", dim=16, bits=10).bits_per_position == 512


@pytest.mark.parametrize("bits", [1, 10, 33, 62])
def test_lfq_codes_are_the_signs(bits):
    quantizer = create_quantizer("lfq", bits=bits, entropy_weight=0.0).eval()
    z = torch.randn(200, bits)
    out = quantizer(z)
    expected = [sum(1 << i for i in range(bits) if row[i] > 0) for row in z.tolist()]
    assert out.codes.flatten().tolist() == expected
    assert torch.equal(out.quantized, z.sign())


def test_lfq_past_62_bits():
    with pytest.raises(ValueError, match=r"bits.*62.*63"):
        create_quantizer("lfq", bits=63)
