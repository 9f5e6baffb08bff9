"""MaskGIT: its masks and schedule against the paper, its bound and its samples against all orders counted out."""

import itertools
import math

import pytest
import torch
from scipy.stats import chisquare
from small_priors import LAYOUTS, TINY, all_pictures, make, random_tokens
from torch import Tensor

from priors import MaskGIT, Sampling
from priors.maskgit import confidences, mask_counts, random_masks, remask

every_tiny = pytest.mark.parametrize("layout", list(TINY))


@torch.no_grad()
def by_order(prior: MaskGIT, pictures: Tensor) -> Tensor:
    """log p(picture) when the tokens are made one by one, for every order: (orders, pictures)."""
    length = pictures[0].numel()
    logs = {}  # of each token given each set of known ones
    for known in itertools.chain.from_iterable(itertools.combinations(range(length), n) for n in range(length)):
        masked = torch.full_like(pictures.flatten(1), prior.mask_token)
        masked[:, known] = pictures.flatten(1)[:, known]
        chosen = prior(masked.view_as(pictures)).log_softmax(-1).gather(-1, pictures.unsqueeze(-1))
        for token in set(range(length)) - set(known):
            logs[frozenset(known), token] = chosen.flatten(1)[:, token]
    return torch.stack(
        [
            sum(logs[frozenset(order[:index]), token] for index, token in enumerate(order))
            for order in itertools.permutations(range(length))
        ]
    )


@every_tiny
def test_the_bound_is_the_mean_over_orders_and_above_the_likelihood(layout: str) -> None:
    prior, pictures = make("maskgit", TINY[layout]), all_pictures(TINY[layout])
    logs = by_order(prior, pictures)
    bound = -logs.mean(0)
    torch.testing.assert_close(logs.exp().sum(1), torch.ones(len(logs)))  # each order is a distribution
    assert ((-bound).exp() <= logs.exp().mean(0)).all()
    assert (-bound).exp().sum() < 0.999
    chance = torch.Generator().manual_seed(0)
    estimates = torch.stack([prior.bound(pictures, generator=chance, draws=4) for _ in range(40)])
    error = estimates.std(0) / math.sqrt(40)
    assert ((estimates.mean(0) - bound).abs() < 5 * error + 1e-4).all()


def test_the_estimate_is_seeded_and_better_with_more_draws() -> None:
    prior, tokens = make("maskgit", LAYOUTS["plain"]), random_tokens(LAYOUTS["plain"], 100)
    assert torch.equal(prior.nll(tokens), prior.nll(tokens))
    chance = torch.Generator().manual_seed(3)
    first = prior.nll(tokens, generator=chance)
    assert not torch.equal(first, prior.nll(tokens, generator=chance))
    exact = prior.bound(tokens, draws=120)
    few, many = ((prior.bound(tokens, draws=draws) - exact).square().mean() for draws in (2, 32))
    assert many < few / 8


@pytest.mark.parametrize("layout", [name for name in TINY if not TINY[name].has_gaps])  # see `_fill`
def test_one_by_one_in_random_order_the_samples_are_the_mean_over_orders(layout: str) -> None:
    prior, pictures = make("maskgit", TINY[layout]), all_pictures(TINY[layout])
    count = 6000
    expected = count * by_order(prior, pictures).exp().mean(0)
    any_order = Sampling(steps=99, choice_temperature=1e6)
    drawn = prior.sample(count, sampling=any_order, generator=torch.Generator().manual_seed(0))
    equal = (drawn.flatten(1)[:, None] == pictures.flatten(1)).all(2)
    assert (equal.sum(1) == 1).all()
    counts, rare = equal.sum(0).double(), expected < 8
    counts = torch.cat([counts[~rare], counts[rare].sum(0, keepdim=True)])
    expected = torch.cat([expected[~rare], expected[rare].sum(0, keepdim=True)]).double()
    kept = expected > 0
    assert chisquare(counts[kept], expected[kept] * count / expected[kept].sum()).pvalue > 0.001


def test_in_one_step_every_token_is_drawn_by_itself() -> None:
    prior = make("maskgit", LAYOUTS["depth 4"])
    nothing = torch.full((1, 2, 4), prior.mask_token)
    p = prior(nothing).softmax(-1)[0].flatten(0, 1)
    drawn = prior.sample(4000, sampling=Sampling(steps=1), generator=torch.Generator().manual_seed(0)).flatten(1)
    for token in range(8):
        assert (
            chisquare(drawn[:, token].bincount(minlength=5), 4000 * p[token].detach(), sum_check=False).pvalue > 0.001
        )
    correlation = torch.corrcoef(drawn.T.double()) - torch.eye(8)
    assert correlation.abs().max() < 0.08


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if not LAYOUTS[name].has_gaps])
@torch.no_grad()
def test_every_known_token_is_seen_everywhere_and_no_masked_one(layout: str) -> None:
    prior = make("maskgit", LAYOUTS[layout])
    tokens = random_tokens(prior.layout, 1)
    logits = prior(tokens)
    for token in range(tokens.numel()):
        changed = tokens.clone().flatten(1)
        changed[0, token] = (changed[0, token] + 1) % prior.layout.vocabulary
        assert ((prior(changed.view_as(tokens)) - logits).abs().amax(-1) > 1e-5).all()
    seen: list[Tensor] = []
    prior.stack.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    torch.manual_seed(0)
    prior.loss(tokens)
    torch.manual_seed(0)
    masked = random_masks(tokens, (torch.rand(1).mul(math.pi / 2).cos() * tokens.numel()).ceil().long())
    other = (tokens + masked.long()) % prior.layout.vocabulary
    torch.manual_seed(0)
    prior.loss(other)
    assert torch.equal(seen[0], seen[1])


def test_the_loss_is_the_cross_entropy_of_what_is_masked() -> None:
    prior, tokens = make("maskgit", LAYOUTS["plain"]), random_tokens(LAYOUTS["plain"], 4)
    torch.manual_seed(5)
    loss = prior.loss(tokens)
    torch.manual_seed(5)
    counts = (torch.rand(4).mul(math.pi / 2).cos() * 6).ceil().long()
    masked = random_masks(tokens, counts)
    assert masked.flatten(1).sum(1).tolist() == counts.tolist()
    p = prior(tokens.masked_fill(masked, prior.mask_token)).softmax(-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(loss, -p[masked].log().mean())


def test_masks_are_every_set_equally_often() -> None:
    tokens = torch.zeros(12000, 5, 1, dtype=torch.int64)
    masks = random_masks(tokens, torch.full((12000,), 2), torch.Generator().manual_seed(0))
    sets, counts = masks.flatten(1).unique(dim=0, return_counts=True)
    assert len(sets) == 10
    assert chisquare(counts).pvalue > 0.001


def test_the_schedule_is_the_authors() -> None:
    # floor(256 cos(pi t / 16)) for t = 1 to 7
    assert mask_counts(256, 8) == [251, 236, 212, 181, 142, 97, 49, 0]
    assert mask_counts(4, 9) == [3, 2, 1, 0]  # a token at a time is the most that makes sense
    assert mask_counts(5, 1) == [0]
    assert mask_counts(0, 8) == []
    for tokens, steps in itertools.product(range(1, 40), range(1, 12)):
        counts = [tokens, *mask_counts(tokens, steps)]
        assert all(later < earlier for earlier, later in itertools.pairwise(counts))
        assert len(counts) == min(tokens, steps) + 1


def test_the_least_certain_are_masked_again() -> None:
    tokens, confidence = torch.tensor([[[1, 2], [3, 4]]]), torch.tensor([[[0.5, -2.0], [math.inf, 0.1]]])
    assert remask(tokens, confidence, 2, 9).tolist() == [[[1, 9], [3, 9]]]
    assert torch.equal(remask(tokens, confidence, 0, 9), tokens)


def test_confidence_is_the_log_probability_with_gumbel_noise() -> None:
    logits, tokens = torch.randn(2, 3, 2, 5), torch.randint(5, (2, 3, 2))
    log_p = logits.log_softmax(-1)
    by_hand = torch.tensor([[[log_p[b, p, d, tokens[b, p, d]] for d in range(2)] for p in range(3)] for b in range(2)])
    torch.testing.assert_close(confidences(logits, tokens, 0.0, None), by_hand)
    many = (20000, 1, 1)
    noise = confidences(
        torch.zeros(*many, 1), torch.zeros(many, dtype=torch.int64), 2.0, torch.Generator().manual_seed(0)
    )
    assert noise.mean().item() == pytest.approx(2 * 0.5772, abs=0.06)  # Euler's constant
    assert noise.var().item() == pytest.approx(4 * math.pi**2 / 6, rel=0.06)


def test_masked_tokens_only_go_to_forward() -> None:
    prior = make("maskgit", LAYOUTS["plain"])
    masked = torch.full((1, 6, 1), prior.mask_token)
    assert prior(masked).shape == (1, 6, 1, 5)
    for call in (prior.nll, prior.loss):
        with pytest.raises(ValueError, match="tokens must lie in \\[0, 5\\)"):
            call(masked)
    with pytest.raises(ValueError, match="tokens must lie in \\[0, 6\\)"):
        prior(masked + 1)
