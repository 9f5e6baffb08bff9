"""Constants that follow from a module's options."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


class WithConstants(nn.Module):
    """A module with constants that follow from its options alone, `hold_constants`.

    They are buffers, which move with the module, and in no state dict, as there is nothing to store. Unlike other such
    buffers they are whole after `to_empty`, on the CPU where the rest is made on the meta device (so that
    `load_state_dict(..., assign=True)` leaves none behind), and never in half precision.
    """

    def __init__(self) -> None:
        super().__init__()
        self._constants: dict[str, Tensor] = {}

    def hold_constants(self, make: Callable[[], Mapping[str, Tensor]]) -> None:
        """Keep what `make` gives as buffers of these names, in the default precision, but float32 at least."""
        with torch.device("cpu"):
            self._constants |= make()
        device = torch.get_default_device()
        place = torch.empty(0, device="cpu" if device.type == "meta" else device)
        for name, value in self._constants.items():
            self.register_buffer(name, _moved(value, place), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """What `to`, `bfloat16`, `to_empty` and the like do to all tensors of a module."""
        super()._apply(fn, recurse)
        for name, value in self._constants.items():
            self._buffers[name] = _moved(value, self.get_buffer(name))
        return self


def _moved(value: Tensor, like: Tensor) -> Tensor:
    """A copy where `like` is, and of a floating-point value in its precision, but float32 at least."""
    dtype = torch.promote_types(like.dtype, torch.float32) if value.is_floating_point() else value.dtype
    return value.to(like.device, dtype, copy=True)
