"""FSP against vector-quantize-pytorch's, which is its first author's, and against what is known of uniform sources."""

import math

import pytest
import torch
from vector_quantize_pytorch import FSP as PeerFSP

from quantizers import create_quantizer
from quantizers.fsq import PAPER_LEVELS

LEVELS = [*PAPER_LEVELS.values(), (3,), (2, 2), (9, 16, 7)]


def latents(levels):
    return 2 * torch.randn(500, len(levels), generator=torch.Generator().manual_seed(len(levels)))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("levels", LEVELS)
def test_codes_values_and_gradients_are_the_peers(levels, training):
    ours, theirs = (latents(levels).requires_grad_() for _ in range(2))
    torch.manual_seed(5)
    out = create_quantizer("fsp", levels=levels).train(training)(ours)
    torch.manual_seed(5)
    quantized, codes, *_ = PeerFSP(list(levels), vector_norm="none").train(training)(theirs)
    assert torch.equal(out.codes.squeeze(1), codes.long())
    torch.testing.assert_close(out.quantized, quantized, rtol=0, atol=2e-6)
    upstream = torch.randn(ours.shape)
    out.quantized.backward(upstream)
    quantized.backward(upstream)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("levels", [(2, 3), (8, 5, 5, 5), (1000,)])
def test_every_code_is_reached_by_its_own_value_and_the_ends_by_far_ones(levels):
    quantizer = create_quantizer("fsp", levels=levels).eval()
    codes = torch.arange(quantizer.codebook_size).view(-1, 1)
    assert torch.equal(quantizer(torch.atanh(quantizer.decode(codes) / math.sqrt(3))).codes, codes)
    far = quantizer(torch.tensor([[-1e30], [1e30]]).expand(2, len(levels)))
    assert far.codes.flatten().tolist() == [0, quantizer.codebook_size - 1]


@pytest.mark.parametrize("level", [2, 5, 8])
def test_noise_is_as_large_as_the_error_of_quantizing_a_uniform_channel(level):
    quantizer = create_quantizer("fsp", levels=(level,))
    uniform = math.sqrt(3) * (2 * (torch.arange(100_000) + 0.5) / 100_000 - 1).unsqueeze(1)
    torch.manual_seed(0)
    noise = quantizer.quantize_rows(uniform).quantized - uniform
    error = quantizer.eval().quantize_rows(uniform).quantized - uniform
    assert error.square().mean().item() == pytest.approx(1 / level**2, rel=1e-3)  # Lloyd-Max, for variance 1
    half_bin = math.sqrt(3) / level
    assert noise.abs().max() <= half_bin + 1e-6
    assert (uniform + noise).abs().max() < math.sqrt(3)
    # in the middle nothing is refused, and the noise has the error's variance
    middle = uniform.abs() < math.sqrt(3) - half_bin
    assert noise[middle].square().mean().item() == pytest.approx(1 / level**2, rel=0.02)
    # at the ends the density of the channel stays uniform
    ends = (uniform + noise).abs() > math.sqrt(3) - half_bin / 2
    assert ends.float().mean().item() == pytest.approx(1 / (2 * level), rel=0.05)


def test_residual_levels_refine_the_grid():
    """Two depths of 4 and 4 levels in a channel are 16 equal bins."""
    quantizer = create_quantizer("rq", base="fsp", levels=(4,), codes_per_position=2).eval()
    rows = math.sqrt(3) * torch.linspace(-0.999, 0.999, 1001).unsqueeze(1)
    fine = create_quantizer("fsp", levels=(16,)).eval()
    torch.testing.assert_close(
        quantizer.quantize_rows(rows).quantized, fine.quantize_rows(rows).quantized, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize(
    "options", [{"bits": 63}, {"bits": 0}, {"levels": (16,) * 16}, {"levels": (1, 5)}, {"levels": ()}]
)
def test_impossible_options(options):
    with pytest.raises(ValueError, match=r"bits|levels"):
        create_quantizer("fsp", **options)
