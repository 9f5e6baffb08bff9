"""Product quantization: every group as if it were alone, over any base."""

import pytest
import torch

from quantizers import create_quantizer, quantizer_options

BASES = {
    "fsq": {"levels": (5, 4, 8)},
    "lfq": {"bits": 6},  # of both groups together
    "rq": {"dim": 6, "codebook_size": 12, "codes_per_position": 3},
    "vq": {"dim": 6, "codebook_size": 12},
    "vq-ema": {"dim": 6, "codebook_size": 12},
}


def made(base):
    """Two groups of three channels, in float64, after two steps of training."""
    torch.manual_seed(0)
    quantizer = create_quantizer("pq", groups=2, base=base, **BASES[base]).double().train()
    for _ in range(2):
        quantizer(torch.randn(40, 6, dtype=torch.float64))
    return quantizer


@pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
@pytest.mark.parametrize("base", BASES)
def test_a_group_is_quantized_as_if_alone(base, training):
    quantizer = made(base).train(training)
    z = torch.randn(2, 6, 4, 5, dtype=torch.float64)
    parts = [part.train(training) for part in made(base).parts]
    z, alone = z.requires_grad_(), z.clone().requires_grad_()
    out = quantizer(z)
    outs = [part(group) for part, group in zip(parts, alone.chunk(2, 1), strict=True)]
    assert torch.equal(out.codes, torch.cat([part.codes for part in outs], 1))
    assert torch.equal(out.quantized, torch.cat([part.quantized for part in outs], 1))
    torch.testing.assert_close(out.loss, (outs[0].loss + outs[1].loss) / 2)
    for name, value in out.stats.items():
        torch.testing.assert_close(value, (outs[0].stats[name] + outs[1].stats[name]) / 2)
    upstream = torch.randn_like(z)
    (gradient,) = torch.autograd.grad((out.quantized * upstream).sum() + out.loss, z)
    total = sum((part.quantized * up).sum() for part, up in zip(outs, upstream.chunk(2, 1), strict=True))
    (expected,) = torch.autograd.grad(total + (outs[0].loss + outs[1].loss) / 2, alone)
    torch.testing.assert_close(gradient, expected)
    for mine, theirs in zip(quantizer.parts, parts, strict=True):
        for name, value in mine.state_dict().items():
            assert torch.equal(value, theirs.state_dict()[name])
    codes = quantizer.eval()(z).codes
    decoded = [part.eval().decode(some) for part, some in zip(parts, codes.chunk(2, 1), strict=True)]
    assert torch.equal(quantizer.decode(codes), torch.cat(decoded, 1))


@pytest.mark.parametrize("base", BASES)
def test_one_group_does_not_see_the_other(base):
    quantizer = made(base).eval()
    z = torch.randn(30, 6, dtype=torch.float64)
    changed = z.clone()
    changed[:, 3:] += 3 * torch.randn(30, 3)
    out, other = quantizer(z), quantizer(changed)
    half = quantizer.codes_per_position // 2
    assert torch.equal(out.codes[:, :half], other.codes[:, :half])
    assert torch.equal(out.quantized[:, :3], other.quantized[:, :3])
    assert not torch.equal(out.codes[:, half:], other.codes[:, half:])


def test_groups_have_codebooks_of_their_own():
    first, second = made("vq-ema").parts
    assert not torch.equal(first.codebook.vectors, second.codebook.vectors)


@pytest.mark.parametrize(
    ("options", "codes", "size", "dim"),
    [
        ({"bits": 10}, 2, 32, 512),
        ({"bits": 9, "dim": 6}, 3, 8, 6),
        ({"bits": 12, "groups": 4, "dim": 16}, 4, 8, 16),
        ({"bits": 12, "base": "lfq"}, 2, 64, 12),
        ({"bits": 16, "base": "fsq"}, 2, 240, 6),
        ({"bits": 12, "base": "rq", "groups": 2, "dim": 8}, 4, 8, 8),
        ({"bits": 12, "base": "rq", "groups": 2, "dim": 8, "codes_per_position": 3}, 6, 4, 8),
    ],
)
def test_bits_are_split_over_the_base(options, codes, size, dim):
    quantizer = create_quantizer("pq", **options)
    assert (quantizer.codes_per_position, quantizer.codebook_size, quantizer.dim) == (codes, size, dim)
    assert quantizer.bits_per_position == pytest.approx(options["bits"], abs=0.2)


def test_options_are_those_of_the_base_too():
    assert {"groups", "base", "dim", "decay"} <= set(quantizer_options("pq"))
    assert {"groups", "codes_per_position"} <= set(quantizer_options("pq", "rq"))
    assert {"groups", "levels"} <= set(quantizer_options("pq", "fsq"))


@pytest.mark.parametrize("base", BASES)
def test_what_a_base_is_the_whole_is(base):
    quantizer = made(base)
    part = quantizer.parts[0]
    for name in ("is_projection", "is_straight_through", "holds_logits"):
        assert getattr(quantizer, name) == getattr(part, name)
    assert create_quantizer("pq", groups=2, base="gumbel", dim=4, codebook_size=8).holds_logits


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": "vqq"}, "unknown quantizer 'vqq'"),
        ({"groups": 3, "dim": 8}, "dim must be a multiple of groups=3, got 8"),
        ({"groups": 0}, "groups must be an integer from 1"),
        ({"groups": 2.0}, "groups must be an integer from 1"),
        ({"base": "vq", "decay": 0.9}, "no option 'decay'"),
        ({"bits": 11, "groups": 2}, "bits=11 cannot be split evenly over groups=2: groups can be 1, 11"),
        ({"bits": 29, "groups": 1}, "bits must be an integer from 0 to 26"),
        ({"bits": 10, "codebook_size": 32, "groups": 5}, "bits=.* already fixes codebook_size"),
        ({"dim": 2.5}, "dim must be an integer"),
    ],
)
def test_options_that_cannot_work(options, message):
    with pytest.raises(ValueError, match=message):
        create_quantizer("pq", **options)
