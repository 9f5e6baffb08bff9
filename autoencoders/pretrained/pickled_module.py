"""Modules that were pickled whole: their tensors, read without their classes.

`torch.save(model)` stores objects by the names of their classes, and loading it would import and run those. torch's
restricted unpickler makes objects of those classes only that it is given by name; here `PickledModule` for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, ItemsView, Iterator, Mapping

import torch
from torch import Tensor

from autoencoders.pretrained.files import read_tensors
from storage.paths import StrPath

LAYERS = (
    *("torch.nn.modules.container.Sequential", "torch.nn.modules.linear.Identity", "torch.nn.modules.activation.ReLU"),
    *("torch.nn.modules.pooling.MaxPool2d", "torch.nn.modules.upsampling.Upsample"),
)
"""Torch's own modules without tensors, which are read as the others are."""


class PickledModule(Mapping[str, Tensor]):
    """What a module's pickle is made into, whatever its class: a box for its state, which reads as its tensors by name.

    It has no place for attributes, and no method that a file can call but the one that fills the box.
    """

    __slots__ = ("state",)

    state: object

    def __new__(cls) -> PickledModule:
        made = super().__new__(cls)
        made.state = None
        return made

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors())

    def __len__(self) -> int:
        return len(self._tensors())

    def items(self) -> ItemsView[str, Tensor]:
        """Names and tensors."""
        return self._tensors().items()

    def _tensors(self) -> dict[str, Tensor]:
        """Those of the module and of the modules in it, each of these once: a file may say that one contains itself."""
        found: dict[str, Tensor] = {}
        waiting, seen = [("", self)], {id(self)}
        while waiting:
            prefix, module = waiting.pop()
            for name, value in module._said("_parameters") + module._said("_buffers"):
                if isinstance(value, Tensor):
                    found[f"{prefix}{name}"] = value
            for name, value in module._said("_modules"):
                if isinstance(value, PickledModule) and id(value) not in seen:
                    seen.add(id(value))
                    waiting.append((f"{prefix}{name}.", value))
        return found

    def _said(self, key: str) -> list[tuple[object, object]]:
        found = self.state.get(key) if isinstance(self.state, dict) else None
        return list(found.items()) if isinstance(found, dict) else []


def read_module(path: StrPath, classes: Collection[str]) -> dict[str, Tensor]:
    """The tensors of a module that was pickled whole, or of any file that `read_tensors` takes.

    Args:
        path: The file.
        classes: Full names of the module's own classes; torch's are known.

    Raises:
        WeightsError: as `read_tensors`; a class that is not named here is refused as code.
    """
    with torch.serialization.safe_globals([(PickledModule, name) for name in (*LAYERS, *classes)]):
        return read_tensors(path, inside=())
