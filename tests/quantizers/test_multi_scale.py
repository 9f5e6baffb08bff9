"""Multi-scale quantization against the paper's algorithms written out, its maps, its rate, and how it trains."""

import math

import pytest
import torch
import torch.nn.functional as F

from quantizers import create_quantizer
from quantizers.multi_scale import PAPER_SCALES
from quantizers.scales import enlarge, shrink

AUTHORS_PHIS = (0, 0, 1, 1, 1, 2, 2, 3, 3, 3)
"""Which of 4 convolutions the authors' code gives to each of 10 scales."""


def made(scales=PAPER_SCALES, dim=5, codebook_size=40, **options):
    """In float64, with a random codebook that is as large as the data."""
    torch.manual_seed(0)
    quantizer = create_quantizer(
        "multi-scale", dim=dim, codebook_size=codebook_size, scales=scales, kmeans_iterations=0, **options
    ).double()
    quantizer.codebook.vectors.data.normal_()
    return quantizer


def explicit(quantizer, z, sizes, phis):
    """The algorithms of the paper with torch's own interpolation on a grid with two axes: code maps, output, loss."""
    vectors = quantizer.codebook.vectors
    rest, total, loss, maps = z.detach(), torch.zeros_like(z), 0, []
    for size, phi in zip(sizes, phis, strict=True):
        pooled = F.interpolate(rest, size=size, mode="area")
        distances = (pooled.unsqueeze(1) - vectors.view(1, -1, quantizer.dim, 1, 1)).square().sum(2)
        maps.append(distances.argmin(1))
        grid = F.interpolate(vectors[maps[-1]].permute(0, 3, 1, 2), size=z.shape[2:], mode="bicubic")
        convolution = quantizer.phis[phi].convolution
        grid = 0.5 * grid + 0.5 * F.conv2d(grid, convolution.weight, convolution.bias, padding=1)
        total, rest = total + grid, rest - grid.detach()
        loss = loss + F.mse_loss(total, z.detach()) + 0.25 * F.mse_loss(z, total.detach())
    return maps, total, loss / len(sizes)


@pytest.mark.parametrize(
    ("scales", "shape", "sizes", "phis"),
    [
        (PAPER_SCALES, (16, 16), [(side, side) for side in PAPER_SCALES], AUTHORS_PHIS),
        ((1, 2, 4), (4, 4), [(1, 1), (2, 2), (4, 4)], (0, 1, 2)),
        ((1, 2, 3), (5, 7), [(2, 3), (4, 5), (5, 7)], (0, 1, 2)),
    ],
)
def test_codes_output_loss_and_gradients_are_the_papers(scales, shape, sizes, phis):
    quantizer = made(scales).eval()
    ours = torch.randn(3, 5, *shape, dtype=torch.float64).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    maps, quantized, loss = explicit(quantizer, theirs, sizes, phis)
    out = quantizer(ours)
    for found, expected in zip(quantizer.code_maps(out.codes), maps, strict=True):
        assert torch.equal(found, expected)
    torch.testing.assert_close(out.quantized, quantized, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(out.loss, loss, rtol=1e-12, atol=1e-12)
    parameters = list(quantizer.parameters())
    found = torch.autograd.grad(out.loss, [ours, *parameters])
    for gradient, expected in zip(found, torch.autograd.grad(loss, [theirs, *parameters]), strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("sizes", [(1, 1), (3, 4), (5, 2), (7, 6)])
def test_interpolation_an_axis_at_a_time_is_torchs_on_two(sizes):
    small = torch.randn(2, 3, *sizes, dtype=torch.float64)
    expected = F.interpolate(small, size=(7, 6), mode="bicubic")
    torch.testing.assert_close(enlarge(small, (7, 6)), expected, rtol=1e-12, atol=1e-12)
    large = torch.randn(2, 3, 7, 6, dtype=torch.float64)
    torch.testing.assert_close(shrink(large, sizes), F.adaptive_avg_pool2d(large, sizes), rtol=1e-12, atol=1e-12)


def test_other_numbers_of_axes_are_the_same_on_two():
    quantizer = made((1, 2, 4)).eval()
    line = torch.randn(2, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(quantizer(line).quantized, quantizer(line.unsqueeze(2)).quantized.squeeze(2))
    point = torch.randn(2, 5, dtype=torch.float64)
    torch.testing.assert_close(quantizer(point).quantized, quantizer(point[..., None, None]).quantized[..., 0, 0])
    still = torch.randn(2, 5, 1, 6, 4, dtype=torch.float64).expand(2, 5, 3, 6, 4)
    out = quantizer(still)
    assert torch.equal(out.codes[:, :, 0], out.codes[:, :, 2])
    torch.testing.assert_close(out.quantized[:, :, 1], quantizer(still[:, :, 0]).quantized)


def test_three_axes_are_enlarged_along_each():
    small = torch.randn(1, 2, 2, 3, 2, dtype=torch.float64)
    along = [
        F.interpolate(torch.eye(p).double()[None, None], size=(p, n), mode="bicubic")[0, 0]
        for p, n in ((2, 5), (3, 4), (2, 2))
    ]
    expected = torch.einsum("bdtij,tx,iy,jz->bdxyz", small, *along)
    torch.testing.assert_close(enlarge(small, (5, 4, 2)), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(), (7,), (16, 16), (5, 3), (3, 2, 5)])
def test_maps_are_repeated_over_cells_and_read_once(shape):
    quantizer = made().eval()
    codes = quantizer(torch.randn(2, 5, *shape, dtype=torch.float64)).codes
    maps = quantizer.code_maps(codes)
    for scale, found in zip(PAPER_SCALES, maps, strict=True):
        assert found.shape == (2, *(math.ceil(scale * length / 16) for length in shape))
    for position in torch.cartesian_prod(*map(torch.arange, shape)).view(-1, len(shape)) if shape else []:
        for scale, found in enumerate(maps):
            cell = [int(i) * p // n for i, p, n in zip(position, found.shape[1:], shape, strict=True)]
            assert torch.equal(codes[(slice(None), scale, *position)], found[(slice(None), *cell)])
    counted = [found[0].numel() / math.prod(shape) for found in maps]
    assert quantizer.code_density(shape) == pytest.approx(counted)
    torch.testing.assert_close(quantizer.decode(codes), _of_maps(quantizer, maps, shape))


def _of_maps(quantizer, maps, shape):
    """Codes of which only the first of each cell stands there, the others being another code."""
    codes = torch.full((2, len(maps), *shape), quantizer.codebook_size - 1)
    for scale, found in enumerate(maps):
        cells = (
            torch.meshgrid(
                *(
                    torch.tensor([next(i for i in range(n) if i * p // n == j) for j in range(p)], dtype=torch.int64)
                    for p, n in zip(found.shape[1:], shape, strict=True)
                ),
                indexing="ij",
            )
            if shape
            else ()
        )
        codes[(slice(None), scale, *cells)] = found
    return quantizer.decode(codes)


def test_rates():
    paper = create_quantizer("multi-scale")
    assert paper.bits_per_position == pytest.approx(12 * 680 / 256)
    assert sum(paper.code_density((16, 16))) == pytest.approx(680 / 256)
    ours = create_quantizer("multi-scale", bits=10, dim=4)
    for side in (4, 8, 16):  # the grids of the presets
        rate = sum(ours.code_density((side, side))) * math.log2(ours.codebook_size)
        assert rate == pytest.approx(ours.bits_per_position) == pytest.approx(10, abs=0.01)
    assert create_quantizer("multi-scale", bits=10, dim=4, scales=PAPER_SCALES).codebook_size == 14
    assert create_quantizer("multi-scale", bits=8, dim=4, scales=(4,)).codebook_size == 256


@pytest.mark.parametrize("bits", range(1, 15))
def test_every_small_rate_is_met_as_nearly_as_an_integer_allows(bits):
    quantizer = create_quantizer("multi-scale", bits=bits, dim=2)
    spacing = 21 / 16 * math.log2(1 + 1 / quantizer.codebook_size)
    assert abs(quantizer.bits_per_position - bits) <= spacing


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scales": ()}, "scales must be a sequence of at least one"),
        ({"scales": 4}, "scales must be a sequence"),
        ({"scales": (0, 2)}, "every one of scales must be an integer >= 1"),
        ({"scales": (1, 2.5)}, "every one of scales must be an integer >= 1"),
        ({"scales": (1, 4, 4)}, "scales must be ascending"),
        ({"phis": -1}, "phis must be an integer from 0"),
        ({"phi_weight": 1.5}, "phi_weight must be a number from 0 to 1"),
        ({"beta": -1}, "beta must be a number from 0"),
        ({"bits": 1, "scales": PAPER_SCALES}, "bits must be an integer from 2 to 69"),
        ({"bits": 35}, "bits must be an integer from 1 to 34"),
        ({"bits": 10, "codebook_size": 64}, "bits=10 already fixes codebook_size"),
    ],
)
def test_options_that_cannot_work(options, message):
    with pytest.raises(ValueError, match=message):
        create_quantizer("multi-scale", **options)


@pytest.mark.parametrize("phis", [0, 1, 3])
def test_every_convolution_is_used_and_none_is_the_identity(phis):
    quantizer = made((1, 2, 4), phis=phis)
    assert len(quantizer.phis) == phis
    z = torch.randn(2, 5, 8, 8, dtype=torch.float64)
    quantizer(z).loss.backward()
    assert all((parameter.grad != 0).any() for parameter in quantizer.parameters())
    if phis == 0:
        quantizer.eval()
        codes = torch.zeros(1, 3, 8, 8, dtype=torch.int64)
        expected = 3 * quantizer.codebook.vectors[0].view(1, 5, 1, 1).expand(1, 5, 8, 8)
        torch.testing.assert_close(quantizer.decode(codes), expected)


def test_rotation_turns_the_gradient_of_the_whole_sum():
    quantizer = made((1, 2), estimator="rotation").eval()
    z = torch.randn(1, 5, 2, 2, dtype=torch.float64, requires_grad=True)
    out = quantizer(z)
    upstream = torch.randn_like(z)
    (gradient,) = torch.autograd.grad(out.quantized, z, upstream)
    z, q = z.detach().movedim(1, -1).reshape(-1, 5), out.quantized.detach().movedim(1, -1).reshape(-1, 5)
    for row, value, above, found in zip(
        z, q, upstream.movedim(1, -1).reshape(-1, 5), gradient.movedim(1, -1).reshape(-1, 5), strict=True
    ):
        e, t = row / row.norm(), value / value.norm()
        axis = (e + t) / (e + t).norm()
        rotation = torch.eye(5).double() - 2 * torch.outer(axis, axis) + 2 * torch.outer(t, e)
        torch.testing.assert_close(found, value.norm() / row.norm() * rotation.T @ above)


def test_stats_count_each_code_once():
    quantizer = made((1, 2, 3)).eval()
    out = quantizer(torch.randn(3, 5, 5, 5, dtype=torch.float64))
    pooled = torch.cat([found.flatten() for found in quantizer.code_maps(out.codes)])
    p = pooled.bincount(minlength=40) / pooled.numel()
    assert out.stats["usage"].item() == pytest.approx((p > 0).double().mean().item())
    assert out.stats["perplexity"].item() == pytest.approx(torch.special.entr(p).sum().exp().item())


def test_the_start_is_from_the_rests_of_all_scales():
    """Vectors that the rests of a coarse map alone have are in the codebook after the first batch."""
    torch.manual_seed(0)
    quantizer = create_quantizer("multi-scale", dim=3, codebook_size=16, scales=(1, 2), phis=0)
    means = 20 * torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0]])
    z = means.view(4, 3, 1, 1) + torch.randn(4, 3, 2, 2)
    quantizer(z)
    found = quantizer.codebook().detach()
    for mean in z.mean((2, 3)):  # each the whole of the coarse map of one example
        assert (found - mean).norm(dim=1).min() < 3
    small = found.norm(dim=1) < 5
    assert small.sum() >= 8  # the rests of the fine map, around 0
    assert quantizer.eval()(z).stats["commitment"] < z.var() / 20


def test_training_lowers_the_loss_and_keeps_the_codebook_in_use():
    torch.manual_seed(0)
    quantizer = create_quantizer("multi-scale", bits=8, dim=4).train()
    mix = torch.randn(4, 4)
    optimizer = torch.optim.Adam(quantizer.parameters(), 1e-2)
    losses = []
    for _ in range(150):
        smooth = F.interpolate(torch.randn(16, 4, 2, 2), size=(8, 8), mode="bicubic")
        z = torch.einsum("ij,bjhw->bihw", mix, smooth + 0.3 * torch.randn(16, 4, 8, 8))
        out = quantizer(z)
        optimizer.zero_grad()
        out.loss.backward()
        optimizer.step()
        losses.append(out.loss.item())
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    assert out.stats["usage"] > 0.9


@pytest.mark.parametrize("shape", [(2, 5, 8, 8), (1, 5, 7), (3, 5)])
def test_truncated_is_the_sum_of_the_first_scales(shape):
    quantizer = made((1, 2, 3, 8)).eval()
    z = torch.randn(shape, dtype=torch.float64)
    whole = quantizer(z)
    totals = quantizer._code(z).totals
    for count in (1, 2, 3, 4):
        part = quantizer.truncated(count)
        out = part(z)
        assert torch.equal(out.codes, whole.codes[:, :count])
        assert torch.equal(out.quantized, totals[count - 1])
        assert torch.equal(part.decode(whole.codes[:, :count]), out.quantized)
        assert [found.shape for found in part.code_maps(out.codes)] == [
            found.shape for found in quantizer.code_maps(whole.codes)[:count]
        ]
        assert part.bits_per_position == pytest.approx(math.log2(40) * sum(s * s for s in (1, 2, 3, 8)[:count]) / 64)
    assert quantizer.codes_per_position == 4


def test_truncated_has_a_mode_of_its_own_and_the_same_codebook():
    quantizer = made((1, 2, 4)).train()
    part = quantizer.truncated(2).eval()
    assert quantizer.training
    assert part.codebook.vectors is quantizer.codebook.vectors
    for count in (0, 4):
        with pytest.raises(ValueError, match="codes_per_position"):
            quantizer.truncated(count)
