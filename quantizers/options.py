"""Checks of options: a `ValueError` that names the option, what was expected and what came."""

from collections.abc import Collection
from numbers import Integral, Real

MAX_CHANNELS = 2**20
"""Of anything that is a width; far above any use, so that a slip of the pen does not ask for all the memory."""

MAX_PARTS = 1024
"""Of anything that is made of several modules, likewise."""

MAX_NUMBER = 1e9
"""Of weights, temperatures, factors, likewise; its square is within float32."""


def check_integer(name: str, value: object, low: int, high: int | None = None) -> int:
    """Return `value` as an int if it is an integer, of Python's or NumPy's, in [low, high], else raise a `ValueError`
    that names the option."""
    integer = int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None
    if integer is None or integer < low or (high is not None and integer > high):
        expected = f"an integer >= {low}" if high is None else f"an integer from {low} to {high}"
        raise ValueError(f"{name} must be {expected}, got {value!r}")
    return integer


def check_number(name: str, value: object, low: float, high: float = MAX_NUMBER) -> float:
    """Return `value` as a float if it is a number, of Python's or NumPy's, in [low, high], else raise a `ValueError`
    that names the option."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:  # type: ignore[operator]  # which a NaN never is
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}")
    return float(value)  # type: ignore[arg-type]


def check_flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False, else raise a `ValueError` that names the option."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return value


def check_choice(name: str, value: object, choices: Collection[str]) -> str:
    """Return `value` if it is one of `choices`, else raise a `ValueError` that names the option."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value
