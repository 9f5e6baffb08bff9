"""Nothing that a quantizer does changes the mode of a part that somebody has frozen."""

import itertools
from contextlib import suppress

import pytest
import torch
from torch import nn

from quantizers import create_quantizer, list_quantizers
from quantizers.modes import evaluating, with_modes_of_its_own

NAMES = [registration.name for registration in list_quantizers()]
SEPARATE = {"base": "vq-ema", "shared": False, "codebook_size": 16, "dim": 4}


def modes(module: nn.Module) -> dict[str, bool]:
    return {name: part.training for name, part in module.named_modules()}


def test_every_part_gets_its_own_mode_back_also_after_an_error() -> None:
    module = nn.Sequential(nn.Sequential(nn.Linear(1, 1), nn.Dropout()), nn.Dropout())
    for own in itertools.product((True, False), repeat=5):
        for part, training in zip(module.modules(), own, strict=True):
            part.training = training
        before = modes(module)
        with suppress(KeyError), evaluating(module):
            assert not any(modes(module).values())
            raise KeyError
        assert modes(module) == before


def test_a_part_that_does_more_than_to_set_a_flag_is_told() -> None:
    told = []

    class Merged(nn.Module):
        def train(self, mode: bool = True) -> nn.Module:
            told.append(mode)
            return super().train(mode)

    with evaluating(nn.Sequential(Merged())):
        pass
    assert told == [False, True]


@pytest.mark.parametrize("name", NAMES)
def test_no_call_changes_a_mode(name: str) -> None:
    for training, frozen in itertools.product((True, False), repeat=2):
        quantizer = create_quantizer(name, bits=8).train(training)
        for part in list(quantizer.modules())[1:]:
            part.training = not frozen
        before = modes(quantizer)
        for _ in range(2):
            quantizer.decode(quantizer(torch.randn(3, quantizer.dim, 4, 4)).codes)
        assert modes(quantizer) == before


def test_the_start_of_residual_layers_changes_no_mode() -> None:
    quantizer = create_quantizer("rq", **SEPARATE).train()
    quantizer.layer(1).eval()
    before = modes(quantizer)
    quantizer(torch.randn(30, 4))
    assert modes(quantizer) == before


@pytest.mark.parametrize("shared", [True, False])
def test_the_first_codes_have_a_mode_of_their_own(shared: bool) -> None:
    """What a truncated quantizer is asked to do leaves the whole one learning, and the other way round."""
    torch.manual_seed(0)
    quantizer = create_quantizer("rq", **{**SEPARATE, "shared": shared}).train()
    quantizer(torch.randn(30, 4))
    part = quantizer.truncated(1).eval()
    before = {name: value.clone() for name, value in part.state_dict().items()}
    part(torch.randn(30, 4))
    assert all(torch.equal(value, before[name]) for name, value in part.state_dict().items())
    assert all(modes(quantizer).values())
    quantizer(torch.randn(30, 4))
    assert not torch.equal(quantizer.layer(0).codebook.vectors, before["layers.0.codebook.vectors"])
    assert torch.equal(part.layer(0).codebook.vectors, quantizer.layer(0).codebook.vectors)
    quantizer.eval()
    assert all(modes(part.train()).values())
    assert not any(modes(quantizer).values())


def test_the_first_codes_go_where_the_whole_goes() -> None:
    quantizer = create_quantizer("rq", bits=8)
    part = quantizer.truncated(1)
    quantizer.double()
    assert all(value.dtype == torch.float64 for value in part.state_dict().values() if value.is_floating_point())
    assert part.layer(0).codebook.counts is quantizer.layer(0).codebook.counts


def test_a_copy_shares_the_parameters_also_of_a_weight_norm() -> None:
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)), nn.Dropout())
    twin = with_modes_of_its_own(model).eval()
    assert model.training
    assert all(part.training for part in model.modules())
    assert {id(parameter) for parameter in twin.parameters()} == {id(parameter) for parameter in model.parameters()}
    assert torch.equal(twin[0].weight, model[0].weight)
