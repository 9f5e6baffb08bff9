"""Half precision is for storage: nothing is computed in less than float32."""

from contextlib import AbstractContextManager, nullcontext

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

HALF = (torch.bfloat16, torch.float16)


def at_least_single(tensor: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The tensor in float32, or in float64 if it is."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def without_autocast(device_type: str) -> AbstractContextManager[object]:
    """A context without autocast. Where it is off, or there is none as on the meta device, nothing is entered, which
    takes as long as some operations."""
    if torch.amp.is_autocast_available(device_type) and torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()


def call_in_single(module: nn.Module, x: Tensor) -> Tensor:
    """`module(x)`, both in float32 where they are stored in half precision."""
    weights = dict(module.named_parameters())
    if not any(weight.dtype in HALF for weight in weights.values()):
        return module(x)
    return functional_call(module, {name: at_least_single(weight) for name, weight in weights.items()}, x)
