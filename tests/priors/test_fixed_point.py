"""Fixed point: near to the prior that it stands for, and equal to the last bit however it is computed."""

import math
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, strategies as st
from small_priors import LAYOUTS, make, random_tokens
from torch import Tensor

from priors import CodeLayout, Prior, PriorName
from priors.fixed_point import digits, fixed_point, quotient, raised, root, weights
from priors.gpt import GPT, Decoder

every_prior = pytest.mark.parametrize(
    "prior",
    [
        pytest.param((name, layout, changes), id=f"{name}, {of}, {', '.join(changes) or 'learned places'}")
        for name in ("gpt", "maskgit")
        for of, layout in LAYOUTS.items()
        for changes in ({}, {"rotary": True, **({"tie_weights": True} if name == "gpt" else {})})
    ],
)

Asked = tuple[PriorName, CodeLayout, dict]


def starts_of(prior: Prior, count: int) -> Tensor:
    return torch.full((count,), prior.classes)


def shown_to(prior: Prior, count: int) -> Tensor:
    """Tokens as a prior is given them: some masked, where it knows that."""
    tokens = random_tokens(prior.layout, count)
    mask = getattr(prior, "mask_token", None)
    if mask is None:
        return tokens
    return tokens.masked_fill(torch.rand(tokens.shape, generator=torch.Generator().manual_seed(1)) < 0.5, mask)


@every_prior
@torch.no_grad()
def test_probabilities_are_near_the_priors(prior: Asked) -> None:
    name, layout, changes = prior
    floating = make(name, layout, width=64, **changes)
    fixed, tokens = fixed_point(floating), shown_to(floating, 16)
    whole = weights(fixed._logits(tokens, starts_of(fixed, 16)))
    expected = floating._logits(tokens, starts_of(floating, 16)).double().softmax(-1)
    shares = whole / whole.sum(-1, keepdim=True)
    lost = (expected * (expected.log() - shares.log())).nan_to_num().sum(-1)  # nats a token; 0 log 0 is 0
    entropy = -(expected * expected.log()).nan_to_num().sum(-1)
    assert lost.mean() < 2e-5 * entropy.mean()
    assert (whole == whole.round()).all()
    assert (whole.amax(-1) == 2**24).all()


@every_prior
@torch.no_grad()
def test_equal_bits_for_any_batch_order_of_sums_and_number_of_threads(
    prior: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, layout, changes = prior
    fixed = fixed_point(make(name, layout, width=64, **changes))
    tokens = shown_to(fixed, 8)
    together = fixed._logits(tokens, starts_of(fixed, 8))
    for batch in (1, 3):
        parts = [fixed._logits(part, starts_of(fixed, len(part))) for part in tokens.split(batch)]
        assert torch.equal(torch.cat(parts), together)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads % 2 + 1)
    try:
        assert torch.equal(fixed._logits(tokens, starts_of(fixed, 8)), together)
    finally:
        torch.set_num_threads(threads)
    monkeypatch.setattr(F, "linear", in_another_order)
    assert torch.equal(fixed._logits(tokens, starts_of(fixed, 8)), together)


def in_another_order(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer whose products are added up one by one, from the last to the first."""
    total = torch.zeros(*x.shape[:-1], len(weight), dtype=x.dtype)
    for column in reversed(range(x.shape[-1])):
        total += x[..., column, None] * weight[:, column]
    return total if bias is None else total + bias


@torch.no_grad()
def test_floating_point_would_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    prior = make("gpt", LAYOUTS["plain"], width=64)
    tokens = random_tokens(prior.layout, 8)
    straight = prior(tokens)
    monkeypatch.setattr(F, "linear", in_another_order)
    assert not torch.equal(prior(tokens), straight)


@torch.no_grad()
def test_large_weights_and_activations_stay_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    prior = make("gpt", LAYOUTS["plain"], width=256)
    for block in prior.stack.blocks:
        for layer in (block.attention.in_proj, block.attention.out_proj, block.expand, block.contract):
            layer.weight.mul_(30)
    fixed = fixed_point(prior)
    tokens = random_tokens(prior.layout, 4)
    straight = fixed(tokens)
    monkeypatch.setattr(F, "linear", in_another_order)
    assert torch.equal(fixed(tokens), straight)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
@torch.no_grad()
def test_one_position_after_the_other_is_equal_to_all_at_once(layout: CodeLayout) -> None:
    fixed = fixed_point(make("gpt", layout, rotary=True))
    assert isinstance(fixed, GPT)
    tokens = random_tokens(layout, 3)
    decoder, seen = Decoder(fixed, tokens[:, :0], starts_of(fixed, 3)), []
    for position in range(layout.positions):
        slots: Iterator[Tensor] = iter(tokens[:, position].unbind(1))

        def choose(logits: Tensor, slots: Iterator[Tensor] = slots) -> Tensor:
            seen.append(logits)
            return next(slots)

        decoder.next_position(choose)
    assert torch.equal(torch.stack(seen, 1), fixed(tokens).flatten(1, 2))


@pytest.mark.slow
@torch.no_grad()
def test_compiled_is_equal() -> None:
    fixed = fixed_point(make("gpt", LAYOUTS["plain"], layers=1, width=32, rotary=True))
    tokens = shown_to(fixed, 4)
    expected = fixed._logits(tokens, starts_of(fixed, 4))
    compiled = torch.compile(fixed._logits)
    assert torch.equal(compiled(tokens, starts_of(fixed, 4)), expected)


def test_what_has_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="sequence of at most 4096, got 5001"):
        fixed_point(make("gpt", CodeLayout(((5000,),), 1, 5)))
    with pytest.raises(ValueError, match="heads in fixed point have at most 2048 channels, got 2049"):
        fixed_point(make("gpt", LAYOUTS["plain"], width=2049, heads=1, layers=1))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("input.starts", r"input\.starts has numbers of 8 and more"),
        ("stack.blocks.0.expand.weight", "a layer has weights of 64 and more"),
        ("stack.blocks.0.expand.bias", "a layer has weights of 64 and more"),
        ("stack.norm.weight", "a norm has numbers of 8 and more"),
    ],
)
def test_large_numbers_have_no_room(name: str, sentence: str) -> None:
    prior = make("gpt", LAYOUTS["plain"])
    with torch.no_grad():
        prior.get_parameter(name).flatten()[0] = 65
    with pytest.raises(ValueError, match=sentence):
        fixed_point(prior)


@given(st.integers(-(2**52), 2**52), st.integers(1, 2**52))
def test_quotients_are_floors(numerator: int, denominator: int) -> None:
    found = quotient(*(torch.tensor([float(number)], dtype=torch.float64) for number in (numerator, denominator)))
    assert int(found) == numerator // denominator


@given(st.integers(0, 2**52 - 1))
def test_roots_are_floors(square: int) -> None:
    assert int(root(torch.tensor([float(square)], dtype=torch.float64))) == math.isqrt(square)


@given(st.integers(0, 2**52))
def test_digits_are_counted(number: int) -> None:
    assert int(digits(torch.tensor([float(number)], dtype=torch.float64))) == number.bit_length()


@given(st.integers(-(2**40), 2**40), st.integers(-500, 500))
def test_powers_of_two_are_exact(number: int, exponent: int) -> None:
    found = raised(torch.tensor([float(number)], dtype=torch.float64), torch.tensor([exponent]))
    assert found.item() == math.ldexp(number, exponent)
