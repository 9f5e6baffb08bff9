"""A quantizer by name, and its class by the place where it stands, which is imported only when it is asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Registration:
    """A quantizer by name.

    Attributes:
        name: what `create_quantizer` takes.
        place: its class, `package.module:Class`.
        description: one line for a list.
        paper: where the method and the options it runs with here come from.
    """

    name: str
    place: str
    description: str
    paper: str = ""

    @property
    def quantizer(self) -> type[nn.Module]:
        """The class; the first use imports it."""
        return load_class(self.place, f"quantizer {self.name!r}")


def load_class(place: str, what: str) -> type[nn.Module]:
    """The class at `package.module:Class`.

    Raises:
        ValueError: there is none; the message begins with `what`.
    """
    module_name, _, class_name = place.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ValueError(f"{what}: cannot import module {module_name!r} ({error})") from error
    from torch import nn  # takes seconds; who asks for a class has loaded it by now

    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ValueError(f"{what}: module {module_name!r} has no torch.nn.Module class {class_name!r}")
    return found
