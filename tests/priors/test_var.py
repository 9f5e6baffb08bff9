"""The prior by next scale: what it sees, that it is the distribution that it says, and its memory."""

import math
from itertools import accumulate, pairwise

import pytest
import torch
from small_priors import (
    BY_SCALE,
    LAYOUTS,
    TINY_BY_SCALE,
    agree,
    all_pictures,
    labels_for,
    make,
    quantizers_of,
    random_tokens,
)

from priors import VAR, CodeLayout, VARConfig, create_prior
from priors.var import ScaleDecoder
from quantizers import create_quantizer
from quantizers.multi_scale import PAPER_SCALES
from quantizers.scales import shrink

every_layout = pytest.mark.parametrize("layout", BY_SCALE.values(), ids=list(BY_SCALE))
every_tiny = pytest.mark.parametrize("layout", TINY_BY_SCALE.values(), ids=list(TINY_BY_SCALE))


def spans(layout: CodeLayout) -> list[tuple[int, int]]:
    return list(pairwise((0, *accumulate(layout.cells))))


@every_layout
@pytest.mark.parametrize("rotary", [False, True])
@torch.no_grad()
def test_a_code_is_seen_by_finer_scales_alone(layout: CodeLayout, rotary: bool) -> None:
    prior, tokens = make("var", layout, rotary=rotary), random_tokens(layout, 1)
    logits = prior(tokens)[0, :, 0]
    for begin, end in spans(layout):
        for token in range(begin, end):
            changed = tokens.clone()
            changed[0, token] = (changed[0, token] + 1) % layout.vocabulary
            moved = (prior(changed)[0, :, 0] - logits).abs().amax(1)
            assert (moved[:end] == 0).all()
            assert (moved[end:] > 1e-5).all()


@every_layout
def test_what_a_scale_is_given_is_the_quantizers_reconstruction_of_the_coarser_ones(layout: CodeLayout) -> None:
    """By the quantizer of the first scales alone, on the tokenizer's own codes."""
    prior, tokens = make("var", layout), random_tokens(layout, 2)
    quantizer, (codes,) = prior.input.quantizer.eval(), layout.to_codes(tokens)
    steps = prior.input(tokens, prior.input.start(torch.zeros(2, dtype=torch.int64))) - prior.input.table
    for scale, (begin, end) in enumerate(spans(layout)):
        if scale == 0:
            expected = prior.input.starts.unsqueeze(1).expand(2, end, -1)
        else:
            coarse = quantizer.truncated(scale).decode(codes[:, :scale])
            expected = prior.input.project(shrink(coarse, layout.grids[scale]).flatten(2).transpose(1, 2))
        torch.testing.assert_close(steps[:, begin:end], expected)


@every_layout
@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("rotary", [False, True])
@torch.no_grad()
def test_logits_with_the_cache_are_those_without(layout: CodeLayout, classes: int, rotary: bool) -> None:
    prior = make("var", layout, classes, rotary=rotary)
    tokens, labels = random_tokens(layout, 5), labels_for(prior, 5)
    decoder, seen = ScaleDecoder(prior, prior._starts(labels, 5)), []
    for begin, end in spans(layout):
        seen.append(decoder.logits())
        decoder.advance(tokens[:, begin:end])
    torch.testing.assert_close(torch.cat(seen, 1), prior(tokens, labels), rtol=1e-5, atol=1e-5)


@every_tiny
@pytest.mark.parametrize("classes", [0, 2])
def test_it_is_a_distribution_and_its_likelihood_is_that_of_scale_after_scale(layout: CodeLayout, classes: int) -> None:
    prior, pictures = make("var", layout, classes), all_pictures(layout)
    labels = torch.ones(len(pictures), dtype=torch.int64) if classes else None
    nll = prior.nll(pictures, labels)
    assert (-nll).exp().sum().item() == pytest.approx(1, abs=1e-4)
    assert nll.std() > 0.3  # far from uniform
    # of a scale given the coarser ones: pictures that agree in those share its distribution
    by_hand = torch.zeros(len(pictures))
    probabilities = prior(pictures, labels).softmax(-1)
    for index, picture in enumerate(pictures.flatten(1).tolist()):
        for place, code in enumerate(picture):
            by_hand[index] -= math.log(probabilities[index, place, 0, code].item())
    torch.testing.assert_close(nll, by_hand, rtol=1e-4, atol=1e-4)
    loss = prior.loss(pictures, labels).detach()
    torch.testing.assert_close(loss, by_hand.mean() / layout.positions, rtol=1e-4, atol=1e-4)


@every_tiny
@pytest.mark.parametrize("classes", [0, 2])
def test_pictures_are_drawn_as_often_as_they_are_probable(layout: CodeLayout, classes: int) -> None:
    prior, pictures, count = make("var", layout, classes), all_pictures(layout), 6000
    labels = (lambda size: torch.full((size,), 1)) if classes else lambda size: None
    expected = count * (-prior.nll(pictures, labels(len(pictures)))).exp()
    drawn = prior.sample(count, labels(count), generator=torch.Generator().manual_seed(0))
    assert agree(drawn, pictures, expected)
    # a picture goes on as it should from the middle of a scale
    first = pictures[len(pictures) // 2, :2]
    same = (pictures[:, :2] == first).all(dim=(1, 2))
    expected = count * expected[same] / expected[same].sum()
    drawn = prior.sample(
        count, labels(count), given=first.expand(count, 2, -1), generator=torch.Generator().manual_seed(1)
    )
    assert agree(drawn, pictures[same], expected)


def test_a_scale_is_one_step_and_no_more_than_wanted_are_drawn() -> None:
    prior, seen = make("var", BY_SCALE["square"]), []

    def told(done: int, total: int) -> None:
        seen.append((done, total))

    assert prior.sample(2, on_step=told).shape == (2, 21, 1)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    seen.clear()
    assert prior.sample(2, positions=4, on_step=told).shape == (2, 4, 1)
    assert seen == [(1, 2), (2, 2)]


def test_nothing_is_allocated_for_the_past_while_sampling() -> None:
    prior = make("var", BY_SCALE["square"])
    decoder = ScaleDecoder(prior, prior._starts(None, 2))
    places = [(cache.keys.data_ptr(), cache.keys.shape) for cache in decoder.caches]
    for cells in prior.layout.cells:
        decoder.logits()
        decoder.advance(torch.zeros(2, cells, 1, dtype=torch.int64))
    assert places == [(cache.keys.data_ptr(), cache.keys.shape) for cache in decoder.caches]
    assert decoder.caches[0].keys.shape == (2, 2, 21, 8)


def test_a_few_pictures_are_learned_by_heart() -> None:
    layout = BY_SCALE["square"]
    torch.manual_seed(0)
    config = VARConfig(width=32, layers=2, heads=2, dropout=0.0)
    prior = create_prior(config, layout, quantizers=quantizers_of(layout)).train()
    with torch.no_grad():  # a codebook that was never trained has vectors of next to nothing
        prior.input.quantizer.codebook.vectors.normal_()
    tokens = random_tokens(layout, 4)
    tokens[:, 0, 0] = torch.arange(4)  # each by its first scale, as the codes of one are independent
    optimizer = torch.optim.AdamW(prior.parameters(), lr=1e-2, weight_decay=0.0)
    for _ in range(150):
        optimizer.zero_grad()
        prior.loss(tokens).backward()
        optimizer.step()
    nats = prior.nll(tokens)
    assert nats.mean() < math.log(4) + 0.2  # which of the four, and no more
    drawn = prior.sample(20)
    assert (drawn[:, None] == tokens).all(dim=(2, 3)).any(1).float().mean() > 0.8


def test_the_quantizer_is_a_copy_that_does_not_learn_and_is_stored_with_the_weights() -> None:
    layout = BY_SCALE["square"]
    (quantizer,) = quantizers_of(layout)
    prior = VAR(VARConfig(width=16, layers=1, heads=2), layout, 0, [quantizer]).train()
    before = {name: tensor.clone() for name, tensor in quantizer.state_dict().items()}
    tokens = random_tokens(layout, 4)
    expected = prior.eval().nll(tokens)
    optimizer = torch.optim.SGD(prior.train().parameters(), lr=1.0)
    prior.loss(tokens).backward()
    optimizer.step()
    for name, tensor in prior.input.quantizer.state_dict().items():
        assert torch.equal(tensor, before[name])
    with torch.no_grad():
        quantizer.codebook.vectors.add_(1.0)
    fresh = VAR(VARConfig(width=16, layers=1, heads=2), layout, 0, [quantizer])
    fresh.load_state_dict(prior.state_dict())
    assert torch.equal(fresh.nll(tokens), prior.nll(tokens))
    assert not torch.equal(prior.nll(tokens), expected)
    assert all(parameter.requires_grad for parameter in quantizer.parameters())


def test_fresh_blocks_do_nothing_and_only_classes_have_weights_for_them() -> None:
    layout = BY_SCALE["square"]
    free, classed = (
        VAR(VARConfig(width=16, layers=2, heads=2), layout, classes, quantizers_of(layout)).eval() for classes in (0, 3)
    )
    x, start = torch.randn(2, layout.positions, 16), torch.randn(2, 16)
    for block in free.stack.blocks:
        assert torch.equal(block(x, start), x)
        assert block.modulation.of_class is None
    assert all(block.modulation.of_class is not None for block in classed.stack.blocks)


def test_the_published_size() -> None:
    """The paper: 18 d w² of a model of depth d and width w = 64 d, 310 M at d = 16 with all that is beside."""
    quantizer = create_quantizer("multi-scale", dim=32, codebook_size=4096, scales=PAPER_SCALES)
    layout = CodeLayout(quantizer.map_sizes((16, 16)), 1, 4096, by_scale=True)
    assert layout.positions == 680
    with torch.device("meta"):
        prior = VAR(VARConfig(width=1024, layers=16, heads=16, dropout=0.0), layout, 1000, [quantizer])
    blocks = sum(parameter.numel() for parameter in prior.stack.blocks.parameters())
    assert blocks == pytest.approx(18 * 16 * 1024**2, rel=0.002)
    learned = sum(parameter.numel() for parameter in prior.parameters() if parameter.requires_grad)
    assert learned / 1e6 == pytest.approx(310, abs=1)


def test_bad_layouts_and_quantizers() -> None:
    layout, config = BY_SCALE["square"], VARConfig(width=16, layers=1, heads=2)
    with pytest.raises(ValueError, match="make the layout with by_scale=True"):
        create_prior(config, LAYOUTS["plain"])
    with pytest.raises(ValueError, match="one multi-scale quantizer can be taken by scale, got none"):
        create_prior(config, layout)
    with pytest.raises(ValueError, match="can be taken by scale, got RQ"):
        create_prior(config, layout, quantizers=[create_quantizer("rq", dim=3, codebook_size=5)])
    with pytest.raises(ValueError, match="the layout must be the quantizer's, maps of"):
        create_prior(config, layout, quantizers=quantizers_of(BY_SCALE["odd sides"]))
