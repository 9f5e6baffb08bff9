"""The GPT: its memory, its order, and that it is the distribution that it says."""

import itertools
import math
from collections.abc import Iterator

import pytest
import torch
from small_priors import LAYOUTS, TINY, agree, all_pictures, labels_for, make, random_tokens
from torch import Tensor

from priors import GPT, CodeLayout, GPTConfig
from priors.gpt import Decoder

every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
every_tiny = pytest.mark.parametrize("layout", TINY.values(), ids=list(TINY))


@torch.no_grad()
def cached_logits(prior: GPT, tokens: Tensor, labels: Tensor | None, given: int) -> Tensor:
    """Logits as sampling sees them one by one, when these tokens are what it draws."""
    decoder = Decoder(prior, tokens[:, :given], prior._starts(labels, len(tokens)))
    seen = []
    for position in range(given, tokens.shape[1]):
        slots = iter(tokens[:, position].unbind(1))

        def choose(logits: Tensor, slots: Iterator[Tensor] = slots) -> Tensor:
            seen.append(logits)
            return next(slots)

        assert torch.equal(decoder.next_position(choose), tokens[:, position])
    return torch.stack(seen, 1)


@every_layout
@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("changes", [{}, {"rotary": True, "tie_weights": True}])
def test_logits_with_the_cache_are_those_without(layout: CodeLayout, classes: int, changes: dict) -> None:
    prior = make("gpt", layout, classes, **changes)
    for batch, given in ((1, 0), (5, 1), (2, layout.positions - 1)):
        tokens, labels = random_tokens(layout, batch), labels_for(prior, batch)
        without = prior(tokens, labels)[:, given:].flatten(1, 2)
        torch.testing.assert_close(cached_logits(prior, tokens, labels, given), without, rtol=1e-5, atol=1e-5)


@every_layout
@pytest.mark.parametrize("rotary", [False, True])
@torch.no_grad()
def test_a_token_is_seen_by_those_after_it_alone(layout: CodeLayout, rotary: bool) -> None:
    prior = make("gpt", layout, rotary=rotary)
    prior.layout = CodeLayout(layout.grids, layout.depth, layout.vocabulary, flatten=layout.flatten)  # every digit goes
    tokens = random_tokens(prior.layout, 1)
    logits = prior(tokens).flatten(1, 2)[0]
    for token in range(layout.positions * layout.depth):
        changed = tokens.clone().flatten(1)
        changed[0, token] = (changed[0, token] + 1) % layout.vocabulary
        moved = (prior(changed.view_as(tokens)).flatten(1, 2)[0] - logits).abs().amax(1)
        assert (moved[: token + 1] == 0).all()
        assert (moved[token + 1 :] > 1e-4).all()


@every_layout
def test_the_first_positions_alone_have_the_same_logits(layout: CodeLayout) -> None:
    prior, tokens = make("gpt", layout), random_tokens(layout, 2)
    torch.testing.assert_close(prior(tokens[:, :1]), prior(tokens)[:, :1])


@every_tiny
@pytest.mark.parametrize("classes", [0, 2])
def test_the_probabilities_of_all_pictures_sum_to_one(layout: CodeLayout, classes: int) -> None:
    prior, pictures = make("gpt", layout, classes), all_pictures(layout)
    for label in range(max(classes, 1)):
        labels = torch.full((len(pictures),), label) if classes else None
        p = (-prior.nll(pictures, labels)).exp()
        torch.testing.assert_close(p.sum(), torch.tensor(1.0), rtol=0, atol=1e-5)
        assert p.max() > 3 / len(pictures)  # far from uniform, which sums to one whatever the order


@every_layout
def test_nll_is_the_sum_over_tokens_and_the_loss_their_mean(layout: CodeLayout) -> None:
    prior, tokens = make("gpt", layout), random_tokens(layout, 3)
    p = prior(tokens).softmax(-1)
    by_hand = torch.zeros(3)
    for b, position, slot in itertools.product(range(3), range(layout.positions), range(layout.depth)):
        by_hand[b] -= p[b, position, slot, tokens[b, position, slot]].log().detach()
    torch.testing.assert_close(prior.nll(tokens), by_hand)
    torch.testing.assert_close(prior.loss(tokens).detach(), by_hand.mean() / (layout.positions * layout.depth))


@every_tiny
@pytest.mark.parametrize("classes", [0, 2])
def test_pictures_are_drawn_as_often_as_they_are_probable(layout: CodeLayout, classes: int) -> None:
    prior, pictures = make("gpt", layout, classes), all_pictures(layout)
    count = 6000
    labels = (lambda size: torch.full((size,), 1)) if classes else lambda size: None
    expected = count * (-prior.nll(pictures, labels(len(pictures)))).exp()
    drawn = prior.sample(count, labels(count), generator=torch.Generator().manual_seed(0))
    assert agree(drawn, pictures, expected)
    # a picture whose first position is given goes on as it should
    first = pictures[len(pictures) // 2, :1]
    same = (pictures[:, :1] == first).all(dim=(1, 2))
    expected = count * expected[same] / expected[same].sum()
    given = first.expand(count, 1, -1)
    drawn = prior.sample(count, labels(count), given=given, generator=torch.Generator().manual_seed(1))
    assert agree(drawn, pictures[same], expected)


def test_tied_weights_are_one_tensor() -> None:
    layout = LAYOUTS["depth 4"]
    tied, free = make("gpt", layout, tie_weights=True), make("gpt", layout)
    table = layout.depth * layout.vocabulary * 16
    assert parameters(free) - parameters(tied) == table
    assert tied.output.weight is tied.input.tokens.weight


def parameters(prior: GPT) -> int:
    return sum(parameter.numel() for parameter in prior.parameters())


def test_fresh_weights_are_gpt2s() -> None:
    prior = GPT(GPTConfig(width=128, layers=8, heads=2), LAYOUTS["depth 4"], 3)
    for block in prior.stack.blocks:
        for layer, deviation in (
            (block.attention.in_proj, 0.02),
            (block.expand, 0.02),
            (block.attention.out_proj, 0.02 / 4),
            (block.contract, 0.02 / 4),
        ):
            assert layer.weight.std().item() == pytest.approx(deviation, rel=0.05)
            assert not layer.bias.any()
    assert prior.depth_part.stack.blocks[0].contract.weight.std().item() == pytest.approx(0.02 / 2, rel=0.05)
    for table in (prior.input.tokens.weight, prior.output.weight):
        assert table.std().item() == pytest.approx(0.02, rel=0.05)


def test_the_published_size() -> None:
    """Taming Transformers' ImageNet model has "1.4B": 48 layers of width 1536 on 16 × 16 codes of 16384 are as many."""
    with torch.device("meta"):
        prior = GPT(GPTConfig(width=1536, layers=48, heads=24), CodeLayout(((16, 16),), 1, 16384), 1000)
    block = 12 * 1536**2 + 13 * 1536
    # minGPT: token and position tables, blocks, last norm, head; its classes are tokens of the same table
    theirs = 16384 * 1536 + 256 * 1536 + 48 * block + 2 * 1536 + 1536 * 16384
    assert parameters(prior) == theirs + 1001 * 1536
    assert parameters(prior) / 1e9 == pytest.approx(1.4, abs=0.05)


@torch.no_grad()
def test_the_past_is_kept_in_the_precision_that_it_comes_in() -> None:
    prior = make("gpt", LAYOUTS["depth 4"], rotary=True)
    with torch.autocast("cpu", torch.bfloat16):
        decoder = Decoder(prior, torch.zeros(2, 0, 4, dtype=torch.int64), prior._starts(None, 2))
    assert {cache.keys.dtype for cache in decoder.caches + decoder.depth_caches} == {torch.bfloat16}


def test_nothing_is_allocated_for_the_past_while_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    prior = make("gpt", LAYOUTS["plain"])
    decoder = Decoder(prior, torch.zeros(2, 0, 1, dtype=torch.int64), prior._starts(None, 2))
    places = [(cache.keys.data_ptr(), cache.keys.shape) for cache in decoder.caches]
    monkeypatch.setattr(torch, "cat", lambda *_, **__: pytest.fail("the past was copied"))
    for _ in range(6):
        decoder.next_position(lambda logits: logits.argmax(-1))
    assert places == [(cache.keys.data_ptr(), cache.keys.shape) for cache in decoder.caches]
    assert decoder.caches[0].keys.shape == (2, 2, 6, 8)


def markov(states: int, seed: int) -> tuple[Tensor, Tensor]:
    """A chain's first probabilities, which are those that it keeps, and its transitions."""
    chance = torch.Generator().manual_seed(seed)
    transitions = (1.5 * torch.randn(states, states, generator=chance, dtype=torch.float64)).softmax(1)
    return torch.linalg.matrix_power(transitions, 1000)[0], transitions


def walk(first: Tensor, transitions: Tensor, count: int, length: int, chance: torch.Generator) -> Tensor:
    states = [torch.multinomial(first, count, replacement=True, generator=chance)]
    for _ in range(length - 1):
        states.append(torch.multinomial(transitions[states[-1]], 1, generator=chance).squeeze(1))
    return torch.stack(states, 1)


def entropy(p: Tensor) -> Tensor:
    return -(p * p.log()).sum(-1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "layout",
    [
        CodeLayout(((8, 8),), 1, 8),
        CodeLayout(((4, 4), (4, 4)), 2, 8),
        CodeLayout(((8, 4),), 1, 64, sub_tokens=2, flatten=True),
    ],
    ids=["one map", "two maps and depth", "digits, flattened"],
)
def test_a_markov_source_is_learned_to_its_entropy(layout: CodeLayout) -> None:
    first, transitions = markov(8, 0)
    bound = entropy(first) + 63 * (first * entropy(transitions)).sum()
    chance = torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    prior = GPT(GPTConfig(width=32, layers=1, heads=2, depth_layers=1, dropout=0.0), layout)
    steps = 150
    optimizer = torch.optim.AdamW(prior.parameters(), lr=1e-2, weight_decay=0.0)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)

    def batch(count: int) -> Tensor:
        return walk(first, transitions, count, 64, chance).view(count, layout.positions, layout.depth)

    for _ in range(steps):
        optimizer.zero_grad()
        prior.loss(batch(32)).backward()
        optimizer.step()
        rates.step()
    fresh = prior.nll(batch(512)).double().mean()
    assert math.isclose(fresh, bound, rel_tol=0.02), f"{fresh:.2f} nats, the source has {bound:.2f}"
