"""Measuring, drawing and laying out leave every part in the mode that it was in, whatever happens."""

from collections.abc import Callable
from typing import get_args

import pytest
import torch
from small_backbones import SMALL
from small_priors import layouts_of, make, random_tokens
from torch import nn

from autoencoders import create_tokenizer
from autoencoders.backbones import code_maps_of
from autoencoders.pictures.sizes import PictureBackboneName
from priors import PRIORS, CodeLayout, Prior, SamplingStopped
from quantizers import create_quantizer


def modes(module: nn.Module) -> dict[str, bool]:
    return {name: part.training for name, part in module.named_modules()}


def mixed(module: nn.Module, training: bool) -> dict[str, bool]:
    """Sets every second part to the other mode."""
    for index, part in enumerate(module.modules()):
        part.training = training == (index % 2 == 0)
    return modes(module)


def test_every_backbone_is_here() -> None:
    assert SMALL.keys() == set(get_args(PictureBackboneName))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", SMALL)
def test_a_layout(name: str, training: bool) -> None:
    config = SMALL[name]
    tokenizer = create_tokenizer(config, [create_quantizer("vq-ema", dim=4, bits=4) for _ in code_maps_of(config)])
    before = mixed(tokenizer, training)
    state = {key: value.clone() for key, value in tokenizer.state_dict().items()}
    CodeLayout.of(tokenizer, 32)
    assert modes(tokenizer) == before
    assert all(torch.equal(value, state[key]) for key, value in tokenizer.state_dict().items())
    with pytest.raises(ValueError, match="31"):
        CodeLayout.of(tokenizer, 31)
    assert modes(tokenizer) == before


def stopped(prior: Prior) -> None:
    with pytest.raises(SamplingStopped):
        prior.sample(2, stop_requested=lambda: True)


def refused(prior: Prior) -> None:
    with pytest.raises(ValueError, match="labels"):
        prior.nll(random_tokens(prior.layout, 2), torch.tensor([0, 9]))


CALLS: dict[str, Callable[[Prior], object]] = {
    "sample": lambda prior: prior.sample(2),
    "nll": lambda prior: prior.nll(random_tokens(prior.layout, 2)),
    "stopped": stopped,
    "refused": refused,
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", PRIORS)
def test_a_prior(name: str, call: str, training: bool) -> None:
    kinds = layouts_of(name)
    prior = make(name, kinds.get("depth 4", kinds["plain"]))
    before = mixed(prior, training)
    CALLS[call](prior)
    assert modes(prior) == before
