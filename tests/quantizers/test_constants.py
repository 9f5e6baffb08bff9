"""Constants that are in no state, wherever a module is made and moved to."""

import copy

import pytest
import torch
from torch import Tensor

from quantizers.constants import WithConstants

VALUES = {"third": torch.tensor([1 / 3], dtype=torch.float64), "large": torch.tensor([2**62])}


class Module(WithConstants):
    third: Tensor
    large: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.hold_constants(lambda: VALUES)


@pytest.mark.parametrize(
    ("dtype", "held"),
    [
        (torch.float32, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_they_are_exact_in_any_precision(dtype: torch.dtype, held: torch.dtype) -> None:
    for module in (Module().to(dtype), Module().bfloat16().to(dtype), copy.deepcopy(Module()).to(dtype)):
        assert torch.equal(module.third, VALUES["third"].to(held))
        assert torch.equal(module.large, VALUES["large"])
        assert not module.state_dict()


def test_they_outlive_the_meta_device() -> None:
    with torch.device("meta"):
        made = Module()
    assert not made.third.is_meta
    for module in (made, Module().to_empty(device="cpu"), Module().to("meta").to_empty(device="cpu")):
        assert torch.equal(module.third, VALUES["third"].float())
        assert torch.equal(module.large, VALUES["large"])


def test_they_are_made_where_the_default_is() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(Module().third, VALUES["third"])
    finally:
        torch.set_default_dtype(torch.float32)


def test_nobody_writes_to_the_original() -> None:
    module = Module().double()
    module.third.zero_()
    assert torch.equal(module.float().third, VALUES["third"].float())


def test_shared_memory() -> None:
    assert torch.equal(Module().share_memory().third, VALUES["third"].float())
