"""What checks the shapes in the signatures while the tests run (`--jaxtyping-packages` in pyproject.toml)."""

import inspect
import sys
from typing import Any

import jaxtyping
import pytest
from beartype import BeartypeConf, beartype

PACKAGES = ("quantizers", "autoencoders", "priors")

CHECKED = inspect.getfile(jaxtyping.jaxtyped)
"""Where the function stands that jaxtyping puts around a checked one."""

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""beartype, taking an int for a float as the type checkers do."""


def take_out(patch: pytest.MonkeyPatch) -> None:
    """Puts the plain functions in the place of the checked ones. Switched off, the check costs a test nothing, but
    Dynamo still traces all that stands around each call, which doubles the time that compiling takes."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in PACKAGES:
            own = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == name]
            for holder in (module, *own):
                for attribute, value in list(vars(holder).items()):
                    if (plain := _plain(value)) is not value:
                        patch.setattr(holder, attribute, plain)


def _plain(value: Any) -> Any:
    if isinstance(value, property):
        get = _plain(value.fget)
        return value if get is value.fget else property(get, value.fset, value.fdel, value.__doc__)
    if isinstance(value, staticmethod | classmethod):
        plain = _plain(value.__func__)
        return value if plain is value.__func__ else type(value)(plain)
    code = getattr(value, "__code__", None)
    return value.__wrapped__ if code and code.co_filename == CHECKED else value
