"""A prior made without memory, or kept in half precision, is the one that it was."""

import pytest
import torch
from small_priors import CONFIGS, SMALL, layouts_of, make, quantizers_of, random_tokens
from torch import Tensor

from priors import PRIORS, Prior, create_prior

CASES = [(name, layout, rotary) for name in PRIORS for layout in layouts_of(name) for rotary in (False, True)]

every_kind = pytest.mark.parametrize(("name", "layout", "rotary"), CASES)


def on_meta(name: str, layout: str, rotary: bool) -> Prior:
    with torch.device("meta"):
        over = layouts_of(name)[layout]
        return create_prior(CONFIGS[name](**SMALL, rotary=rotary), over, quantizers=quantizers_of(over)).eval()


def used_memory(tensor: Tensor) -> Tensor:
    return torch.full_like(tensor, 3, device="cpu")


@every_kind
def test_the_meta_device(name: str, layout: str, rotary: bool) -> None:
    prior = make(name, layouts_of(name)[layout], rotary=rotary)
    tokens = random_tokens(prior.layout, 3)
    for assign in (True, False):
        made = on_meta(name, layout, rotary)
        if not assign:
            made._apply(used_memory)  # as `to_empty`, with the memory that it may be given
        made.load_state_dict(prior.state_dict(), assign=assign)
        assert torch.equal(made.nll(tokens), prior.nll(tokens))
        made.to("cpu")


@every_kind
def test_half_precision(name: str, layout: str, rotary: bool) -> None:
    prior = make(name, layouts_of(name)[layout], rotary=rotary)
    half = make(name, layouts_of(name)[layout], rotary=rotary).bfloat16()
    own = dict(prior.named_buffers())
    constants = [key for key in own if not key.startswith("input.quantizer.")]  # what that counts is none
    assert all(torch.equal(half.get_buffer(key), own[key]) for key in constants)
    tokens = random_tokens(prior.layout, 3)
    torch.testing.assert_close(half.nll(tokens).float(), prior.nll(tokens), rtol=0.1, atol=0.5)
    half.layout.check(half.sample(2))
