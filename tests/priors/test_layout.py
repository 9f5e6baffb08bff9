"""Code maps to tokens and back."""

import json
from dataclasses import asdict

import pytest
import torch
from small_priors import BY_SCALE, LAYOUTS, random_tokens

from autoencoders import VQVAE, VQVAE2, VQVAE2Config, VQVAEConfig
from priors import CodeLayout
from priors.layout import root
from quantizers import create_quantizer

every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
every_kind = pytest.mark.parametrize("layout", [*LAYOUTS.values(), *BY_SCALE.values()], ids=[*LAYOUTS, *BY_SCALE])


def codes_of(layout: CodeLayout, count: int = 3) -> list[torch.Tensor]:
    shapes = [(count, layout.codes_per_position, *grid) for grid in layout.grids]
    return [torch.randint(layout.codebook_size, shape) for shape in shapes]


@every_layout
def test_there_and_back(layout: CodeLayout) -> None:
    codes = codes_of(layout)
    tokens = layout.to_tokens(codes)
    assert tokens.shape == (3, layout.positions, layout.depth)
    assert tokens.max() < layout.vocabulary
    for back, code in zip(layout.to_codes(tokens), codes, strict=True):
        assert torch.equal(back, code)


def test_maps_follow_each_other_in_raster_order() -> None:
    layout = CodeLayout(((1, 2), (2, 2)), 1, 10)
    top, bottom = torch.tensor([[[[1, 2]]]]), torch.tensor([[[[3, 4], [5, 6]]]])
    assert layout.to_tokens([top, bottom]).flatten().tolist() == [1, 2, 3, 4, 5, 6]


def test_the_codes_of_a_position_stand_together_and_the_most_significant_digit_is_first() -> None:
    layout = CodeLayout(((2,),), 2, 1000, sub_tokens=3)
    assert (layout.vocabulary, layout.depth, layout.has_gaps) == (10, 6, False)
    codes = torch.tensor([[[123, 456], [789, 12]]])  # a row for each of the two codes
    assert layout.to_tokens([codes]).tolist() == [[[1, 2, 3, 7, 8, 9], [4, 5, 6, 0, 1, 2]]]


@pytest.mark.parametrize(("value", "power"), [(2**18, 2), (2**62, 31), (1000, 3), (1001, 3), (7, 2), (5, 1)])
def test_roots_are_the_smallest_that_suffice(value: int, power: int) -> None:
    assert root(value, power) ** power >= value > (root(value, power) - 1) ** power


def test_the_largest_value_leaves_a_code_possible() -> None:
    layout = CodeLayout(((1,),), 1, 75, sub_tokens=3)  # 5 × 5 × 5, of which 0 to 74
    unknown = layout.vocabulary
    tokens = torch.tensor([[[2, 4, 4]], [[unknown, 4, 4]], [[3, unknown, unknown]], [[unknown] * 3]])
    for row in tokens:
        for causal in (True, False):
            largest = layout.largest(row, causal=causal)
            for slot in range(3):
                others = row[0].tolist()
                if causal:
                    others[slot:] = [unknown] * (3 - slot)
                can_be = []
                for value in range(5):
                    digits = [0 if digit == unknown else digit for digit in others]
                    digits[slot] = value
                    if digits[0] * 25 + digits[1] * 5 + digits[2] < 75:
                        can_be.append(value)
                assert min(4, largest[0, slot].item()) == max(can_be, default=-1) or not can_be


@every_kind
def test_json(layout: CodeLayout) -> None:
    assert CodeLayout(**json.loads(json.dumps(asdict(layout)))) == layout


def test_of_tokenizers() -> None:
    one = VQVAE(VQVAEConfig(image_size=16, width=8, residual_width=4), create_quantizer("lfq", bits=14))
    one.train()
    assert CodeLayout.of(one, 32) == CodeLayout(((8, 8),), 1, 2**14, sub_tokens=2)
    assert one.training
    assert CodeLayout.of(one, 16, flatten=True, largest_vocabulary=2**14) == CodeLayout(
        ((4, 4),), 1, 2**14, flatten=True
    )
    rq = VQVAE(VQVAEConfig(image_size=16, width=8, residual_width=4), create_quantizer("rq", dim=4, codebook_size=9))
    layout = CodeLayout.of(rq, 16)
    assert layout.depth == rq.quantizer.codes_per_position > 1
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    codes = rq.eval().encode(images)
    assert torch.equal(layout.to_codes(layout.to_tokens(codes))[0], codes[0])
    quantizers = [create_quantizer("fsq", bits=10) for _ in range(2)]
    two = CodeLayout.of(VQVAE2(VQVAE2Config(image_size=32, width=8, residual_width=4), *quantizers), 32)
    assert two.grids == ((4, 4), (8, 8))


def multi_scale(scales: tuple[int, ...] = (1, 2, 4)) -> VQVAE:
    quantizer = create_quantizer("multi-scale", dim=4, codebook_size=9, scales=scales)
    return VQVAE(VQVAEConfig(image_size=16, width=8, residual_width=4), quantizer).eval()


@pytest.mark.parametrize("extent", [(16, 16), (16, 24)])
def test_by_scale_every_code_of_a_multi_scale_quantizer_stands_once(extent: tuple[int, int]) -> None:
    tokenizer = multi_scale()
    layout = CodeLayout.of(tokenizer, extent, by_scale=True)
    height, width = extent[0] // 4, extent[1] // 4
    assert layout.grids == ((1, -(-width // 4)), (2, width // 2), (height, width))
    assert (layout.depth, layout.vocabulary) == (1, 9)
    codes = tokenizer.encode(torch.rand(2, 3, *extent) * 2 - 1)
    tokens = layout.to_tokens(codes)
    maps = tokenizer.quantizer.code_maps(codes[0])
    assert torch.equal(tokens, torch.cat([found.flatten(1) for found in maps], 1).unsqueeze(2))
    assert torch.equal(layout.to_codes(tokens)[0], codes[0])


def test_by_scale_no_code_is_cut_into_digits() -> None:
    layout = CodeLayout.of(multi_scale(), 16, largest_vocabulary=3, by_scale=True)
    assert (layout.sub_tokens, layout.vocabulary) == (1, 9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by_scale": True, "codes_per_position": 2}, "one code at each position"),
        ({"by_scale": True, "flatten": True}, "an order of its own"),
        ({"by_scale": True, "delay": True}, "an order of its own"),
        ({"by_scale": True, "grids": ((1,), (2, 2))}, "equally many axes"),
        ({"by_scale": 1}, "by_scale must be True or False"),
        ({"grids": ()}, "at least one code map"),
        ({"grids": ((2, 0),)}, "every side of grids"),
        ({"codes_per_position": 0}, "codes_per_position must be"),
        ({"codebook_size": 1}, "codebook_size must be"),
        ({"sub_tokens": 5}, "sub_tokens must leave every digit something"),
        ({"flatten": 1}, "flatten must be True or False"),
    ],
)
def test_bad_layouts(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CodeLayout(**{"grids": ((2, 2),), "codes_per_position": 1, "codebook_size": 8, **options})


def test_bad_codes_and_tokens() -> None:
    layout = LAYOUTS["digits with gaps"]
    (codes,) = codes_of(layout)
    for bad, message in [
        ([codes, codes], "must be 1 map"),
        ([codes[:, :, :2]], "must be a grid of \\(3,\\), got \\(2,\\)"),
        ([codes[:, :1]], "codes must have shape"),
        ([codes + 7], "codes must lie in \\[0, 7\\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            layout.to_tokens(bad)
    by_scale = BY_SCALE["plain"]
    all_scales = by_scale.to_codes(random_tokens(by_scale, 2))
    for bad, message in [
        ([*all_scales, *all_scales], "1 map of all scales, got 2"),
        ([all_scales[0][..., :2]], "must be a grid of \\(1, 3\\), got \\(1, 2\\)"),
        ([all_scales[0][:, :1]], "codes must have shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            by_scale.to_tokens(bad)
    tokens = random_tokens(layout, 2)
    for tensor, message in [
        (tokens[:, :2], "of all 3 positions, got 2"),
        (tokens.int(), "tensor of int64, got torch.int32"),
        (tokens[..., :3], "of shape \\(B, positions, 4\\)"),
        (torch.cat([tokens, tokens], 1), "the context is 3 positions long, got tokens of 6"),
        (tokens + 3, "tokens must lie in \\[0, 3\\), got"),
        (torch.full_like(tokens, 2), "the codes of tokens must lie in \\[0, 7\\), got 8 to 8"),
    ]:
        with pytest.raises(ValueError, match=message):
            layout.to_codes(tensor)


def test_bad_tokenizers() -> None:
    with pytest.raises(ValueError, match="multiples of the strides 4 × 4"):
        CodeLayout.of(VQVAE(VQVAEConfig(image_size=16, width=8), create_quantizer("fsq", bits=10)), 18)
    unequal = [create_quantizer("fsq", bits=bits) for bits in (8, 10)]
    plain = VQVAE(VQVAEConfig(image_size=16, width=8), create_quantizer("fsq", bits=10))
    with pytest.raises(ValueError, match="only the codes of one multi-scale quantizer can be taken by scale, got FSQ"):
        CodeLayout.of(plain, 16, by_scale=True)
    with pytest.raises(ValueError, match="must have equal codes"):
        CodeLayout.of(VQVAE2(VQVAE2Config(image_size=32, width=8, residual_width=4), *unequal), 32)
