"""Residual quantization over any base: against loops written out, a peer, and the paper's loss; truncation, dropout."""

import copy
from functools import partial

import pytest
import torch
from vector_quantize_pytorch import ResidualVQ

from quantizers import create_quantizer, quantizer_options
from quantizers.testing import CHECKS

BASES = {
    "fsq": {"levels": (5, 4, 8)},
    "lfq": {},  # its option is the rate
    "vq": {"dim": 3, "codebook_size": 12},
    "vq-ema": {"dim": 3, "codebook_size": 12},
}


def made(base="vq-ema", depths=3, shared=True, **options):
    """In float64; a codebook is random and as large as the data, one of each depth smaller than the last."""
    torch.manual_seed(0)
    bits = 3 * depths if base == "lfq" else None
    quantizer = create_quantizer(
        "rq", base=base, bits=bits, codes_per_position=depths, shared=shared, **BASES[base] | options
    ).double()
    for depth, layer in enumerate(quantizer.layers):
        if base.startswith("vq"):
            layer.codebook.vectors.data.normal_(std=2.0**-depth)
    return quantizer


def coded(quantizer, depth, rows):
    """The nearest of all vectors of a depth: its index and itself, by brute force."""
    codes = torch.arange(quantizer.codebook_size).unsqueeze(1)
    vectors = quantizer.layer(depth).decode(codes).double()
    index = (rows.unsqueeze(1) - vectors).square().sum(2).argmin(1)
    return index, vectors[index]


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "separate"])
@pytest.mark.parametrize(
    ("base", "step"), [("fsq", torch.tensor([5.0, 4, 8]).double()), ("lfq", 2), ("vq", 1), ("vq-ema", 1)]
)
def test_codes_and_values_are_those_of_a_loop(base, step, shared):
    quantizer = made(base, shared=shared).eval()
    assert len({id(quantizer.layer(depth)) for depth in range(3)}) == (1 if shared else 3)
    z = torch.randn(2, 3, 8, 6, dtype=torch.float64)
    out = quantizer(z)
    rest = quantizer.bound(z.movedim(1, -1).reshape(-1, 3))
    quantized = torch.zeros_like(rest)
    for depth in range(3):
        index, vectors = coded(quantizer, depth, rest * step**depth)
        assert torch.equal(out.codes[:, depth].flatten(), index)
        quantized += vectors / step**depth
        rest = rest - vectors / step**depth
    expected = quantized.view(2, 8, 6, 3).movedim(-1, 1)
    # FSQ's constants, 1 / levels among them, are float32
    torch.testing.assert_close(out.quantized, expected, rtol=0, atol=1e-7 if base == "fsq" else 1e-12)
    assert torch.equal(quantizer.decode(out.codes), out.quantized)


@pytest.mark.parametrize("shared", [True, False])
def test_codes_and_values_are_the_peers(shared):
    torch.manual_seed(0)
    ours = create_quantizer("rq", dim=8, codebook_size=64, codes_per_position=3, shared=shared).eval()
    peer = ResidualVQ(dim=8, codebook_size=64, num_quantizers=3, shared_codebook=shared, kmeans_init=False).eval()
    for depth in range(3):
        vectors = torch.randn(64, 8) / (1 if shared else depth + 1)
        ours.layer(depth).codebook.vectors.copy_(vectors)
        peer.layers[depth]._codebook.embed.data[0].copy_(vectors)
    z = torch.randn(2, 8, 50)
    out = ours(z)
    quantized, codes, _ = peer(z.mT)
    assert torch.equal(out.codes.mT, codes)
    torch.testing.assert_close(out.quantized.mT, quantized, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("level", [2, 3, 4, 5, 8])
def test_depths_of_fsq_are_one_uniform_grid(level):
    quantizer = create_quantizer("rq", base="fsq", codes_per_position=2, levels=(level,)).double().eval()
    codes = torch.cartesian_prod(torch.arange(level), torch.arange(level))
    values = quantizer.decode(codes).flatten().sort().values
    step = 1 / (level // 2) / level
    torch.testing.assert_close(values.diff(), torch.full((level**2 - 1,), step, dtype=torch.float64))
    z = torch.linspace(-3, 3, 1001, dtype=torch.float64).unsqueeze(1)
    errors = (quantizer(z).quantized - quantizer.bound(z)).abs()
    inside = (quantizer.bound(z) > values[0]) & (quantizer.bound(z) < values[-1])
    # with an even number of levels the finer grid has no level at its upper end
    assert errors[inside].max() <= step * (0.5 if level % 2 else 1) + 1e-12


def test_the_loss_is_the_commitment_to_all_partial_sums():
    """Equation 7 of the paper, as a mean over depths and elements."""
    quantizer = made("vq-ema", shared=False).eval()
    z = torch.randn(30, 3, dtype=torch.float64, requires_grad=True)
    out = quantizer(z)
    vectors = torch.stack([quantizer.layer(d).decode(out.codes[:, d : d + 1]) for d in range(3)])
    expected = 0.25 * (z - vectors.cumsum(0)).square().mean()
    torch.testing.assert_close(out.loss, expected)
    torch.testing.assert_close(torch.autograd.grad(out.loss, z), torch.autograd.grad(expected, z))


def test_a_gradient_codebook_is_moved_to_the_residuals():
    quantizer = made("vq", shared=True)
    z = torch.randn(30, 3, dtype=torch.float64)
    quantizer.eval()(z).loss.backward()
    vectors = quantizer.layer(0).codebook.vectors
    expected, rest = torch.zeros_like(vectors), z
    for depth in range(3):
        index, chosen = coded(quantizer, depth, rest)
        rest = rest - chosen.detach()
        expected.index_add_(0, index, -2 * rest / rest.numel() / 3)
    torch.testing.assert_close(vectors.grad, expected.detach())


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "separate"])
def test_truncated_is_the_sum_of_the_first_codes(base, shared):
    quantizer = made(base, shared=shared).eval()
    z = torch.randn(2, 3, 5, dtype=torch.float64)
    whole = quantizer(z)
    errors = []
    for depths in (1, 2, 3):
        part = quantizer.truncated(depths)
        assert part.codes_per_position == depths
        assert part.bits_per_position == pytest.approx(quantizer.bits_per_position * depths / 3)
        out = part(z)
        assert torch.equal(out.codes, whole.codes[:, :depths])
        assert torch.equal(part.decode(whole.codes[:, :depths]), out.quantized)
        expected = sum(
            quantizer.layer(d).decode(whole.codes[:, d : d + 1]).movedim(1, -1) * quantizer.layer(d).residual_scale ** d
            for d in range(depths)
        )
        torch.testing.assert_close(out.quantized, expected.movedim(-1, 1))
        errors.append((out.quantized - whole.quantized).abs().max())
    assert errors[0] > errors[2] == 0
    assert quantizer.codes_per_position == 3


def truncated(base):
    return made(base).float().truncated(2)


@pytest.mark.parametrize(
    "check", ["attributes", "shapes", "empty", "decode", "bad-codes", "straight-through", "deepcopy"]
)
@pytest.mark.parametrize("base", ["fsq", "vq-ema"])
def test_truncated_keeps_the_contract(base, check):
    CHECKS[check].run(partial(truncated, base))


def test_truncated_shares_the_parameters():
    quantizer = made("vq-ema")
    part = quantizer.truncated(2)
    quantizer(torch.randn(50, 3, dtype=torch.float64))
    assert part.layer(0).codebook.vectors is quantizer.layer(0).codebook.vectors
    assert torch.equal(
        part.eval()(torch.ones(1, 3).double()).codes, quantizer.eval()(torch.ones(1, 3).double()).codes[:, :2]
    )


def kept_depths(quantizer, z, out):
    """How many codes' vectors the output of each example is the sum of; the output must be such a sum."""
    sums = torch.stack([quantizer.truncated(n).decode(out.codes[:, :n]) for n in (1, 2, 3, 4)])
    equal = (sums - out.quantized).abs().flatten(2).amax(2) < 1e-9
    assert (equal.sum(0) == 1).all()
    return equal.int().argmax(0) + 1


@pytest.mark.parametrize("dropout", [0.0, 0.3, 1.0])
def test_dropout_draws_a_depth_for_each_example(dropout):
    quantizer = made("vq", depths=4, shared=False, dropout=dropout, dead_threshold=0, kmeans_iterations=0).train()
    z = torch.randn(4000, 3, 2, dtype=torch.float64)
    out = quantizer(z)
    counts = kept_depths(quantizer, z, out).bincount(minlength=5)[1:] / 4000
    expected = torch.full((4,), dropout / 4)
    expected[3] += 1 - dropout
    assert (counts - expected).abs().max() < 4 * (0.25 / 4000) ** 0.5  # four standard deviations
    whole = copy.deepcopy(quantizer)
    whole.dropout = 0.0
    same = whole(z)
    assert torch.equal(out.codes, same.codes)
    assert torch.equal(out.loss, same.loss)
    assert torch.equal(quantizer.eval()(z).quantized, whole.eval()(z).quantized)


def test_the_gradient_under_dropout_is_the_estimators():
    quantizer = made("vq", depths=4, dropout=1.0, kmeans_iterations=0, dead_threshold=0).train()
    z = torch.randn(20, 3, 2, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn_like(z)
    (gradient,) = torch.autograd.grad(quantizer(z).quantized, z, upstream)
    assert torch.equal(gradient, upstream)
    quantizer = made("vq", depths=4, dropout=1.0, kmeans_iterations=0, dead_threshold=0, estimator="rotation").train()
    out = quantizer(z)
    (gradient,) = torch.autograd.grad(out.quantized, z, upstream)
    for found, above, row, value in zip(*map(rows_of, (gradient, upstream, z, out.quantized)), strict=True):
        # a rotation and a scaling by |q| / |z|, which takes q's component of the gradient to z's
        scale = value.norm() / row.norm()
        torch.testing.assert_close(found.norm(), scale * above.norm())
        torch.testing.assert_close(found @ row / row.norm(), scale * (above @ value / value.norm()))


def rows_of(grid):
    return grid.detach().movedim(1, -1).reshape(-1, 3)


def test_a_shared_codebook_starts_from_the_residuals_of_all_depths():
    torch.manual_seed(0)
    quantizer = create_quantizer("rq", dim=2, codebook_size=8, codes_per_position=2).train()
    corners = 10 * torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    z = corners.repeat(50, 1) + torch.randn(200, 2)
    first = quantizer(z)
    assert first.stats["commitment"] < 2 * 2  # in mean; coded by corners alone it is that of the noise, 1
    large = quantizer.layer(0).codebook().norm(dim=1) > 8
    assert 4 <= large.sum() < 8  # corners, and vectors for what they leave over
    last = (quantizer.eval()(z).quantized - z).square().mean()
    assert last < 0.6


@pytest.mark.parametrize(
    ("options", "rate", "depths", "size"),
    [
        ({"bits": 10}, 10, 2, 32),
        ({"bits": 9}, 9, 3, 8),
        ({"bits": 12, "codes_per_position": 4}, 12, 4, 8),
        ({"bits": 16, "base": "lfq"}, 16, 2, 256),
        ({"bits": 12, "base": "vq", "dim": 4}, 12, 2, 64),
        ({"bits": 10, "base": "fsq"}, 10, 2, 32),
    ],
)
def test_bits_are_split_over_the_base(options, rate, depths, size):
    quantizer = create_quantizer("rq", **options)
    assert (quantizer.codes_per_position, quantizer.codebook_size) == (depths, size)
    assert quantizer.bits_per_position == pytest.approx(rate)


def test_options_are_those_of_the_base_too():
    assert {"codes_per_position", "base", "shared", "dropout", "decay", "dim"} <= set(quantizer_options("rq"))
    assert "levels" in quantizer_options("rq", "fsq")
    assert "dim" not in quantizer_options("rq", "fsq")
    assert quantizer_options("rq", "vq")["orthogonality_weight"].default == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": "vqq"}, "unknown quantizer 'vqq'"),
        ({"base": "gumbel"}, "base must have one code per position and a straight-through gradient"),
        ({"base": "none"}, "base must have one code per position"),
        ({"base": "rq"}, "base"),
        ({"base": "vq", "decay": 0.9}, "no option 'decay'"),
        ({"base": "fsq", "dim": 4}, "no option 'dim'"),
        ({"codes_per_position": 0}, "codes_per_position must be an integer from 1"),
        ({"dropout": 1.5}, "dropout must be a number from 0"),
        ({"estimator": "magic"}, "estimator must be one of"),
        ({"bits": 11, "codes_per_position": 2}, "11 cannot be split evenly over codes_per_position=2"),
        ({"bits": 0}, "bits must be an integer"),
        ({"bits": 29, "codes_per_position": 1}, "bits must be an integer from 0 to 26"),
    ],
)
def test_options_that_cannot_work(options, message):
    with pytest.raises(ValueError, match=message):
        create_quantizer("rq", **options)


@pytest.mark.parametrize("depths", [0, 4, 1.0])
def test_truncation_that_cannot_be(depths):
    with pytest.raises(ValueError, match="codes_per_position must be an integer from 1 to 3"):
        made().truncated(depths)
