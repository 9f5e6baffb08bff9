"""FSQ against vector-quantize-pytorch and the formula printed in its paper."""

import pytest
import torch
from vector_quantize_pytorch import FSQ as PeerFSQ

from quantizers import FSQ, create_quantizer
from quantizers.base import RowOutput
from quantizers.fsq import PAPER_LEVELS, levels_for_bits


@pytest.mark.parametrize("levels", [*PAPER_LEVELS.values(), (3,), (4, 3), (9, 16, 7)])
def test_codes_values_and_gradients_are_the_peers(levels):
    z = 2 * torch.randn(3, len(levels), 16, 16, generator=torch.Generator().manual_seed(len(levels)))
    ours, theirs = z.clone().requires_grad_(), z.clone().requires_grad_()
    out = create_quantizer("fsq", levels=levels)(ours)
    quantized, codes = PeerFSQ(list(levels))(theirs)
    assert torch.equal(out.codes.squeeze(1), codes.long())
    torch.testing.assert_close(out.quantized, quantized, rtol=0, atol=1e-6)
    upstream = torch.randn(z.shape)
    out.quantized.backward(upstream)
    quantized.backward(upstream)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("levels", PAPER_LEVELS.values())
def test_the_printed_formula_differs_only_at_rounding_boundaries(levels):
    z = torch.randn(20_000, len(levels), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    count = torch.tensor(levels, dtype=torch.float64)
    half_range, offset = (count - 1) * (1 - 1e-3) / 2, torch.where(count % 2 == 1, 0.0, 0.5)
    bounded = torch.tanh(z + torch.tan(offset / half_range)) * half_range - offset
    ours = create_quantizer("fsq", levels=levels).double()(z).quantized * (count // 2)
    differs = (ours - bounded.round()).abs() > 0.5
    to_boundary = (bounded - bounded.floor() - 0.5).abs()
    assert differs.any()
    assert to_boundary[differs].max() < 0.01


@pytest.mark.parametrize("levels", [(17, 17, 17), (3, 5, 9)])
def test_a_slope_of_0_8_is_the_sigmoid_of_ifsq(levels):
    z = 2 * torch.randn(50_000, len(levels), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    bounded = 2 * torch.sigmoid(1.6 * z) - 1
    half_width = torch.tensor(levels, dtype=torch.float64) // 2
    out = create_quantizer("fsq", levels=levels, slope=0.8).double()(z.requires_grad_())
    to_boundary = (bounded * half_width - (bounded * half_width).floor() - 0.5).abs()
    differs = (out.quantized * half_width - (bounded * half_width).round()).abs() > 0.5
    assert to_boundary[differs].max() < 0.01  # theirs has no margin
    assert differs.double().mean() < 0.01
    (gradient,) = torch.autograd.grad(out.quantized.sum(), z)
    torch.testing.assert_close(gradient, 0.8 * (1 - bounded**2) * (1 + 1e-3), rtol=1e-12, atol=1e-12)


def test_a_slope_of_0_8_spreads_a_gaussian_evenly():
    z = torch.randn(100_000, 1, generator=torch.Generator().manual_seed(0))
    perplexity = {
        slope: create_quantizer("fsq", levels=(17,), slope=slope)(z).stats["perplexity"] for slope in (0.4, 0.8, 1.6)
    }
    assert perplexity[0.8] == max(perplexity.values()) > 16


@pytest.mark.parametrize("slope", [0, -1, float("nan"), 1e9, True])
def test_impossible_slopes(slope):
    with pytest.raises(ValueError, match="slope must be a number from"):
        create_quantizer("fsq", slope=slope)


@pytest.mark.parametrize("levels", [(8, 5, 5, 5), (2, 3), (1000,)])
def test_every_code_is_reached_by_its_own_value(levels):
    quantizer = create_quantizer("fsq", levels=levels).eval()
    codes = torch.arange(quantizer.codebook_size).view(-1, 1)
    values = quantizer.decode(codes).double()
    shift, scale, centre, *_ = quantizer.grid.double()
    z = torch.atanh((values - centre) / scale) - shift
    assert torch.equal(quantizer(z.float()).codes, codes)
    far = quantizer(torch.tensor([[-1e30], [1e30]]).expand(2, len(levels)))
    assert far.codes.flatten().tolist() == [0, quantizer.codebook_size - 1]


def test_levels_for_bits():
    assert [levels_for_bits(bits) for bits in (1, 2, 3, 4, 5, 7)] == [(2,), (4,), (8,), (4, 4), (8, 4), (8, 4, 4)]
    for bits in range(1, 63):
        quantizer = create_quantizer("fsq", bits=bits)
        off = {8: -0.0931, 10: -0.0342, 12: 0.0951, 14: -0.0931, 16: -0.0342}.get(bits, 0)  # the paper's table
        assert quantizer.bits_per_position == pytest.approx(bits + off, abs=1e-4)


@pytest.mark.parametrize(
    "options",
    [{"bits": 63}, {"bits": 0}, {"levels": (16,) * 16}, {"levels": (1, 5)}, {"levels": ()}, {"levels": (1001,)}],
)
def test_impossible_options(options):
    with pytest.raises(ValueError, match=r"bits|levels"):
        create_quantizer("fsq", **options)


def test_a_class_made_of_it_may_bound_and_quantize_otherwise() -> None:
    """The kernel that does both at once does not go past them."""

    class Halved(FSQ):
        def bound(self, rows: torch.Tensor) -> torch.Tensor:
            return super().bound(rows) / 2

    class Refusing(FSQ):
        def quantize_rows(self, rows: torch.Tensor) -> RowOutput:
            raise RuntimeError("asked")

    z = torch.full((1, 4, 8), 10.0)
    assert Halved()(z).quantized.max() < FSQ()(z).quantized.max()
    with pytest.raises(RuntimeError, match="asked"):
        Refusing()(z)
