"""The priors' presets."""

from dataclasses import replace
from typing import get_args

import pytest
import torch

from benchmarks.training.prior_settings import GENERATIONS, PRESETS, changes, generation_changes, preset_settings
from benchmarks.training.prior_trainer import parameter_groups
from priors import CodeLayout, GPTConfig, Prior, PriorName, Sampling, create_prior

F16 = CodeLayout(((16, 16),), 1, 1024)


def saved_bytes(prior: Prior, count: int) -> int:
    """What the forward pass on so many pictures keeps for the backward pass."""
    total = 0

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal total
        total += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        prior.loss(torch.zeros(count, 256, 1, dtype=torch.int64, device="meta"))
    return total


@pytest.mark.slow
def test_the_published_size_takes_a_step_and_samples_on_the_meta_device() -> None:
    """Only shapes are computed there; of the 256 positions the last two are drawn."""
    settings = PRESETS["vqgan-f16"]
    with torch.device("meta"):
        prior = create_prior(settings.model, F16)
    optimizer = torch.optim.AdamW(parameter_groups(prior), lr=1e-4)
    prior.loss(torch.zeros(2, 256, 1, dtype=torch.int64, device="meta")).backward()
    optimizer.step()
    kept = [value for state in optimizer.state.values() for value in state.values() if value.ndim]
    total = sum(tensor.numel() for part in (list(prior.parameters()), kept) for tensor in part)
    gradients = sum(parameter.grad.numel() for parameter in prior.parameters())
    assert 4 * (total + gradients) / 2**30 == pytest.approx(20.3, abs=0.05)  # as docs/ says, and what follows
    activations = (saved_bytes(prior, 4) - saved_bytes(prior, 2)) / 2
    assert activations / 2**30 == pytest.approx(1.7, abs=0.05)
    cache = sum(2 * of.keys.numel() for of in prior.stack.caches(1, F16.steps)) * 4
    assert cache / 2**30 == pytest.approx(0.14, abs=0.005)
    drawn = prior.sample(2, given=torch.zeros(2, 254, 1, dtype=torch.int64, device="meta"))
    assert drawn.shape == (2, 256, 1)


@pytest.mark.parametrize("preset", PRESETS)
def test_other_priors_have_the_sizes_of_the_gpt(preset: str) -> None:
    gpt, *others = (preset_settings(preset, prior) for prior in get_args(PriorName))
    assert [of.prior for of in (gpt, *others)] == ["gpt", "maskgit", "var"]
    for other in others:
        for name in ("width", "layers", "heads", "dropout"):
            assert getattr(gpt.model, name) == getattr(other.model, name)
        assert gpt.train == other.train
    assert len({of.digest for of in (gpt, *others)}) == 3


def test_changes_are_named_as_flags() -> None:
    own = PRESETS["quick"]
    assert changes(own, "quick") == {}
    other = replace(own, model=replace(own.model, rotary=True), train=replace(own.train, images=6400))
    assert changes(other, "quick") == {"model.rotary": True, "train.images": 6400}
    assert isinstance(own.model, GPTConfig)


def test_what_is_drawn_has_changes_of_its_own() -> None:
    own = GENERATIONS["quick"]
    assert generation_changes(own, "quick") == {}
    other = replace(own, seed=3, classes=("cat",), sampling=Sampling(top_p=0.9))
    named = {"generation.seed": 3, "class": ("cat",), "generation.sampling.top_p": 0.9}
    assert generation_changes(other, "quick") == named
    assert set(GENERATIONS) == set(PRESETS)


def test_priors_that_were_stored_before_codes_could_be_delayed_are_found() -> None:
    """Their settings and layouts are named as they were then; delayed ones otherwise."""
    settings = PRESETS["quick"]
    assert settings.digest == "7ca568911b"
    assert replace(settings, delay=True).digest != settings.digest
    assert (
        repr(F16)
        == "CodeLayout(grids=((16, 16),), codes_per_position=1, codebook_size=1024, sub_tokens=1, flatten=False)"
    )
