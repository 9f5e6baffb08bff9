"""The delay pattern: its order, that it is a distribution, and that what is drawn has that distribution."""

import itertools

import pytest
import torch
from scipy.stats import chisquare
from small_priors import all_pictures, labels_for, make, random_tokens
from torch import Tensor

from priors import CodeLayout, SamplingStopped
from priors.code_models import CodePrior
from priors.delay import delayed, undelayed
from priors.sampling import draw

WIDE = CodeLayout(((4,),), 3, 5, delay=True)
GAPS = CodeLayout(((3,),), 2, 7, sub_tokens=2, delay=True)
TINY = {
    "two codes": CodeLayout(((3,),), 2, 2, delay=True),
    "three codes": CodeLayout(((2,),), 3, 2, delay=True),
    "gaps": CodeLayout(((2,),), 1, 7, sub_tokens=2, delay=True),
    "two maps": CodeLayout(((1,), (1, 2)), 2, 2, delay=True),
}
"""Whose sounds can all be counted."""

every_tiny = pytest.mark.parametrize("layout", TINY.values(), ids=list(TINY))


def test_the_pattern_is_that_of_the_paper() -> None:
    tokens = torch.arange(6).view(1, 3, 2)
    assert delayed(tokens, 9).tolist() == [[[0, 9], [2, 1], [4, 3], [9, 5]]]
    assert torch.equal(undelayed(delayed(tokens, 9)), tokens)
    assert (WIDE.spread, WIDE.steps, WIDE.positions) == (6, 6, 4)


@pytest.mark.parametrize("layout", [WIDE, GAPS], ids=["wide", "gaps"])
@pytest.mark.parametrize("rotary", [False, True])
@torch.no_grad()
def test_a_token_is_seen_by_those_of_later_steps_alone(layout: CodeLayout, rotary: bool) -> None:
    prior = make("gpt", layout, rotary=rotary)
    prior.layout = CodeLayout(layout.grids, layout.depth, layout.vocabulary, delay=True)  # every digit goes
    tokens = random_tokens(prior.layout, 1)
    logits = prior(tokens)[0]
    for position, slot in itertools.product(range(layout.positions), range(layout.depth)):
        changed = tokens.clone()
        changed[0, position, slot] = (changed[0, position, slot] + 1) % layout.vocabulary
        moved = (prior(changed)[0] - logits).abs().amax(-1)
        for other, of in itertools.product(range(layout.positions), range(layout.depth)):
            assert (moved[other, of] > 1e-5) == (other + of > position + slot)


@every_tiny
@pytest.mark.parametrize("changes", [{}, {"tie_weights": True}])
@pytest.mark.parametrize("classes", [0, 2])
def test_the_probabilities_of_all_sounds_sum_to_one(layout: CodeLayout, classes: int, changes: dict) -> None:
    prior, sounds = make("gpt", layout, classes, **changes), all_pictures(layout)
    for label in range(max(classes, 1)):
        p = (-prior.nll(sounds, torch.full((len(sounds),), label) if classes else None)).exp()
        torch.testing.assert_close(p.sum(), torch.tensor(1.0), rtol=0, atol=1e-5)
        assert p.max() > 2 / len(sounds)  # far from uniform, which sums to one whatever the order


@every_tiny
def test_sounds_are_drawn_as_often_as_they_are_probable(layout: CodeLayout) -> None:
    """Also those whose first position is given, among the others of which it then is."""
    prior, sounds, count = make("gpt", layout), all_pictures(layout), 4000
    expected = count * (-prior.nll(sounds)).exp()
    assert _agree(prior.sample(count, generator=torch.Generator().manual_seed(0)), sounds, expected)
    if layout.depth > 2:
        return  # later positions begin before the first has ended: what is given is kept, and no condition on the rest
    first = sounds[len(sounds) // 2, :1]
    same = (sounds[:, :1] == first).all(dim=(1, 2))
    given = first.expand(count, 1, -1)
    drawn = prior.sample(count, given=given, generator=torch.Generator().manual_seed(1))
    assert _agree(drawn, sounds[same], count * expected[same] / expected[same].sum())


def _agree(drawn: Tensor, sounds: Tensor, expected: Tensor) -> bool:
    equal = (drawn.flatten(1)[:, None] == sounds.flatten(1)).all(2)
    assert (equal.sum(1) == 1).all()
    counts, rare = equal.sum(0).double(), expected < 8
    both = [torch.cat([of[~rare].double(), of[rare].sum(0, keepdim=True).double()]) for of in (counts, expected)]
    kept = both[1] > 0
    return chisquare(both[0][kept], both[1][kept] * both[0].sum() / both[1][kept].sum()).pvalue > 0.001


@pytest.mark.parametrize("layout", [WIDE, GAPS], ids=["wide", "gaps"])
@pytest.mark.parametrize("rotary", [False, True])
def test_every_weight_learns_and_samples_are_codes(layout: CodeLayout, rotary: bool) -> None:
    prior = make("gpt", layout, 3, rotary=rotary, label_dropout=0.5).train()
    prior.loss(random_tokens(layout, 16), labels_for(prior, 16)).backward()
    for key, parameter in prior.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.any(), key
    given = random_tokens(layout, 4)[:, :2]
    tokens = prior.sample(4, labels_for(prior, 4), given=given)
    assert torch.equal(tokens[:, :2], given)
    assert torch.equal(layout.to_tokens(layout.to_codes(tokens)), tokens)


def test_logits_with_the_cache_are_those_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """As sampling sees them step by step, when these tokens are what it draws."""
    prior, tokens = make("gpt", WIDE), random_tokens(WIDE, 2)
    seen = []

    def remembered(logits: Tensor, generator: torch.Generator | None) -> Tensor:
        seen.append(logits)
        return draw(logits, generator)

    monkeypatch.setattr("priors.gpt.draw", remembered)
    drawn = prior.sample(2, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        without = delayed(prior(drawn).argmax(-1), -1), prior(drawn)
    order = [(step - slot, slot) for step in range(WIDE.spread) for slot in range(WIDE.depth)]
    order = [(position, slot) for position, slot in order if 0 <= position < WIDE.positions]
    for logits, (position, slot) in zip(seen, order, strict=True):
        torch.testing.assert_close(logits, without[1][:, position, slot], rtol=1e-5, atol=1e-5)
    assert tokens.shape == drawn.shape


def test_drawing_stops_between_steps() -> None:
    told: list[tuple[int, int]] = []
    prior = make("gpt", WIDE)
    prior.sample(1, on_step=lambda done, total: told.append((done, total)))
    assert told == [(step, 6) for step in range(1, 7)]
    with pytest.raises(SamplingStopped, match="stopped after 0 of 6 steps"):
        prior.sample(1, stop_requested=lambda: True)


def test_bad_layouts_are_refused() -> None:
    with pytest.raises(ValueError, match="two orders of the same tokens"):
        CodeLayout(((4,),), 2, 5, flatten=True, delay=True)
    with pytest.raises(ValueError, match="MaskGIT has none"):
        make("maskgit", WIDE)
    with pytest.raises(ValueError, match="one code map of one axis"):
        make("gpt", CodeLayout(((2, 2),), 2, 5, delay=True), rotary=True)
    with pytest.raises(ValueError, match="window by window"):
        CodePrior(make("gpt", WIDE))
    with pytest.raises(ValueError, match="all 4 positions"):
        make("gpt", WIDE)(random_tokens(WIDE, 1)[:, :1])
