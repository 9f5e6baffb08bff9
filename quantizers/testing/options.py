"""Constructor options: those that cannot work, and `bits=`."""

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from quantizers.base import Quantizer
from quantizers.testing.bad_input import expect_value_error
from quantizers.testing.contract import Make, contract_line, expect, latent
from quantizers.testing.shapes import expect_output

BITS = (4, 10)


def _bits_are_ignored(quantizer: Quantizer) -> str | None:
    options_for_bits = getattr(quantizer, "options_for_bits", None)
    if options_for_bits is None and "bits" not in inspect.signature(type(quantizer)).parameters:
        return "it has neither options_for_bits nor an option bits"
    try:
        return None if options_for_bits is None or options_for_bits(BITS[0]) else "options_for_bits ignores the bits"
    except ValueError as error:
        return str(error)


@contract_line("made for a number of bits (bits=) it has that rate, to one bit", exempt=_bits_are_ignored)
def check_bits(make: Make) -> None:
    kind = type(make())
    for bits in BITS:
        options = kind.options_for_bits(bits) if hasattr(kind, "options_for_bits") else {"bits": bits}
        rate = kind(**options).bits_per_position
        expect(abs(rate - bits) <= 1, f"{kind.__name__} for bits={bits} has {rate:.3f} bits per position")


def _settings(quantizer: Quantizer) -> dict[str, Any]:
    """The constructor's options with their defaults; what has none is read from the attribute of its name."""
    settings = {}
    for name, parameter in inspect.signature(type(quantizer)).parameters.items():
        if parameter.kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD):
            missing = parameter.default is inspect.Parameter.empty
            settings[name] = getattr(quantizer, name) if missing else parameter.default
    return settings


def _unknown_options(quantizer: Quantizer) -> str | None:
    try:
        return None if _settings(quantizer) else "its constructor has no options"
    except AttributeError as error:
        return f"an option has neither a default nor an attribute of its name: {error}"


def _hostile(usual: object) -> tuple[object, ...]:
    """Values that an option cannot have, by its usual one."""
    if isinstance(usual, bool):
        return "x", None, 2
    if isinstance(usual, int):
        return "x", None, math.nan, 0.5, 2**70, 10**400
    if isinstance(usual, float):
        return "x", None, math.nan, math.inf, 1e300, 10**400
    return ("x", math.nan) if usual is None else ("x", None, math.nan, -1, (math.nan,), (-1,))


class _LimitedWork(TorchDispatchMode):
    """Stops what takes more than `limit` operations: one layer after another, as many as an option asks for."""

    def __init__(self, limit: float = math.inf) -> None:
        super().__init__()
        self.limit = limit
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        expect(self.count <= self.limit, "accepted, and still building after many times the usual work")
        return func(*args, **(kwargs or {}))


@contract_line("options that cannot work give a ValueError naming the option", exempt=_unknown_options)
def check_bad_options(make: Make) -> None:
    kind, settings = type(make()), _settings(make())
    with _LimitedWork() as usual:
        kind(**settings)

    def build(**options: object) -> Quantizer:
        with _LimitedWork(10 * usual.count + 100):
            return kind(**{**settings, **options})

    for name, value in settings.items():
        for bad in _hostile(value):
            expect_value_error(partial(build, **{name: bad}), name, f"{name}={bad!r}")
        if isinstance(value, int | float | None) and not isinstance(value, bool):
            _expect_refused_or_fine(partial(build, **{name: -1}), name)


def _expect_refused_or_fine(build: Callable[[], Quantizer], name: str) -> None:
    """A negative number has a meaning for some options; where it is taken, the quantizer must work."""
    try:
        quantizer = build()
    except ValueError as error:
        expect(name in str(error), f"{name}=-1: the message does not name {name!r}: {error}")
    else:
        z = latent(quantizer, 5, 3)
        expect_output(quantizer, z, quantizer(z), f"{name}=-1 is accepted")
