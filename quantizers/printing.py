"""What `print` shows of a module of the zoo."""

import inspect

from torch import nn


def shown_options(module: nn.Module) -> str:
    """ "dim=4, levels=(8, 5, 5, 5)": options of the constructor that are plain values and kept under their names, those
    of base classes first."""
    constructors = (vars(kind)["__init__"] for kind in reversed(type(module).__mro__) if "__init__" in vars(kind))
    names = dict.fromkeys(name for constructor in constructors for name in inspect.signature(constructor).parameters)
    values = ((name, getattr(module, name, None)) for name in names)
    return ", ".join(f"{name}={value!r}" for name, value in values if isinstance(value, int | float | str | tuple))
