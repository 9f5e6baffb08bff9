"""What is frozen is never written: not by the start, nor by averages, nor in the place of dead codes."""

import copy

import pytest
import torch
from torch import nn

from autoencoders import VQGAN, VQGANConfig
from autoencoders.pretrained.files import build
from quantizers import Quantizer, create_quantizer, list_quantizers
from quantizers.codebook import LearnedCodebook

NAMES = [entry.name for entry in list_quantizers()]
LEARNED = [name for name in NAMES if create_quantizer(name, bits=4).needs_start]


def train(quantizer: nn.Module, dim: int, steps: int = 40) -> None:
    """On data that leave most of a codebook unused."""
    torch.manual_seed(1)
    for step in range(steps):
        quantizer(3 + 0.01 * torch.randn(1, dim, 4, 4) + step / steps)


@pytest.mark.parametrize("name", NAMES)
def test_a_frozen_quantizer_stays_as_it_is(name: str) -> None:
    for options in ({}, {"kmeans_iterations": 0}) if name in LEARNED else ({},):
        quantizer = create_quantizer(name, bits=4, **options).requires_grad_(False).train()
        before = copy.deepcopy(quantizer.state_dict())
        train(quantizer, quantizer.dim)
        assert all(torch.equal(value, before[key]) for key, value in quantizer.state_dict().items())


@pytest.mark.parametrize("name", LEARNED)
def test_it_learns_again_when_it_may(name: str) -> None:
    quantizer = create_quantizer(name, bits=4).requires_grad_(False).train()
    assert not quantizer.needs_start
    quantizer.requires_grad_(True)
    assert quantizer.needs_start
    before = copy.deepcopy(quantizer.state_dict())
    train(quantizer, quantizer.dim, 3)
    assert not all(torch.equal(value, before[key]) for key, value in quantizer.state_dict().items())


@pytest.mark.parametrize("name", LEARNED)
def test_parameters_that_a_module_around_froze_are_not_written(name: str) -> None:
    quantizer = create_quantizer(name, bits=4)
    model = nn.Sequential(quantizer).requires_grad_(False).train()
    before = {key: value.clone() for key, value in model.named_parameters()}
    train(model, quantizer.dim)
    assert all(torch.equal(value, before[key]) for key, value in model.named_parameters())


@pytest.mark.parametrize("name", ["vq", "vq-ema", "rq"])
def test_a_frozen_tokenizer_stays_as_it_is(name: str) -> None:
    config = VQGANConfig(image_size=16, width=8, multipliers=(1,), blocks=1, attention_resolutions=(), z_channels=8)
    model = VQGAN(config, create_quantizer(name, bits=4, dim=8)).requires_grad_(False).train()
    before = copy.deepcopy(model.state_dict())
    for _ in range(5):
        model(torch.rand(2, 3, 16, 16))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


class Loaded(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.quantizer: Quantizer = create_quantizer(name, bits=4)


@pytest.mark.parametrize("name", LEARNED)
def test_published_codes_are_neither_started_nor_replaced(name: str) -> None:
    """In training mode, where those that learn by moving averages may follow the data but lose no code."""
    own = Loaded(name)
    missing = {key for key in own.state_dict() if key.endswith(("counts", "steps", "started", "temperature"))}
    tensors = {key: value for key, value in own.state_dict().items() if key not in missing}
    model = build(lambda: Loaded(name), tensors, "published", frozenset(missing)).train()
    assert not model.quantizer.needs_start
    before = [part.vectors.detach().clone() for part in model.modules() if isinstance(part, LearnedCodebook)]
    train(model.quantizer, model.quantizer.dim)
    after = [part.vectors.detach() for part in model.modules() if isinstance(part, LearnedCodebook)]
    kept = torch.cat([(new - old).abs().amax(1) < 0.05 for old, new in zip(before, after, strict=True)])
    assert kept.all() if list(model.quantizer.parameters()) else kept.float().mean() > 0.5
    again = create_quantizer(name, bits=4)
    again.load_state_dict(model.quantizer.state_dict())
    assert not again.needs_start
