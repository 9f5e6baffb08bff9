"""A quantizer that is not yet there: in training it passes latents on, and learns nothing of them."""

from copy import deepcopy

import pytest
import torch
from einops import rearrange

from quantizers import create_quantizer, list_quantizers

NAMES = [entry.name for entry in list_quantizers()]


@pytest.mark.parametrize("name", NAMES)
def test_latents_pass_as_bounded_and_nothing_is_learned(name: str) -> None:
    torch.manual_seed(0)
    quantizer = create_quantizer(name, bits=4).train()
    quantizer.deferred = True
    before = deepcopy(quantizer.state_dict())
    z = torch.randn(3, quantizer.dim, 4, 4, requires_grad=True)
    out = quantizer(z)
    rows = quantizer.bound(rearrange(z, "b d h w -> (b h w) d"))
    assert torch.equal(out.quantized, rearrange(rows, "(b h w) d -> b d h w", b=3, h=4))
    assert out.codes.shape == (3, quantizer.codes_per_position, 4, 4)
    assert out.codes.dtype == torch.int64
    assert not out.codes.any()
    assert out.loss == 0
    assert out.stats == {}
    (out.quantized.square().sum() + out.loss).backward()
    assert z.grad is not None
    assert z.grad.abs().sum() > 0
    for parameter in quantizer.parameters():  # data-parallel training waits for the gradient of each
        assert parameter.grad is not None
        assert not parameter.grad.any()
    for key, value in quantizer.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_quantizes_all_the_same(name: str) -> None:
    torch.manual_seed(0)
    quantizer = create_quantizer(name, bits=4).eval()
    z = torch.randn(2, quantizer.dim, 4, 4)
    expected = quantizer(z)
    quantizer.deferred = True
    assert torch.equal(quantizer(z).codes, expected.codes)
    assert torch.equal(quantizer(z).quantized, expected.quantized)


def test_bad_input_is_refused_as_ever() -> None:
    quantizer = create_quantizer("fsq", bits=4)
    quantizer.deferred = True
    with pytest.raises(ValueError, match="finite"):
        quantizer(torch.full((1, quantizer.dim, 2), float("nan")))
