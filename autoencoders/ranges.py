"""What numbers among settings may be: written beside each as its type, kept wherever settings are made.

    count: Count = 8
    betas: tuple[PartialShare, PartialShare] = (0.9, 0.999)

Flags, files of sweeps and Python code make the same dataclasses, so that all of them refuse the same values. NaN and
infinity are in no range.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator
from functools import cache
from numbers import Integral, Real
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from annotated_types import Interval, MinLen

from quantizers.options import MAX_CHANNELS, MAX_PARTS

MAX_COUNT = 10**15
"""Far above any use, and products with a few bytes stay within a machine's integers."""

Count = Annotated[int, Interval(ge=1, le=MAX_COUNT)]
"""Of pictures, steps, bytes."""
Place = Annotated[int, Interval(ge=0, le=MAX_COUNT)]
"""Of one among many, the first at 0."""
Size = Annotated[int, Interval(ge=1, le=MAX_CHANNELS)]
"""A number of channels, or of pixels along a side."""
Parts = Annotated[int, Interval(ge=1, le=MAX_PARTS)]
"""A number of layers, of threads, of anything that one has a few of."""
PartsOrNone = Annotated[int, Interval(ge=0, le=MAX_PARTS)]
"""The same of what a model can also do without."""
Bits = Annotated[int, Interval(ge=0, le=MAX_PARTS)]
"""Per position; each quantizer says which of them it can have."""
Seed = Annotated[int, Interval(ge=0, le=2**32 - 1)]
"""What torch, NumPy and scikit-learn all take."""
Seeds = Annotated[tuple[Seed, ...], MinLen(1)]
"""Of a run each."""
Weight = Annotated[float, Interval(ge=0)]
"""Of a term of a loss, and other factors."""
Share = Annotated[float, Interval(ge=0, le=1)]
"""Of a whole, all of it included."""
PartialShare = Annotated[float, Interval(ge=0, lt=1)]
"""Of a whole, but never all of it: dropped activations, decays of averages."""


def check_ranges(settings: Any) -> None:
    """Raise ValueError, which names the field, at the first number of a dataclass that is not what its type says."""
    for name, problem in out_of_range(settings):
        raise ValueError(f"{name} {problem}")


def out_of_range(settings: Any) -> Iterator[tuple[str, str]]:
    """Fields of a dataclass that are not what their types say, and what is wrong with each."""
    for name, kind in _types(type(settings)).items():  # type: ignore[arg-type]  # types are hashable
        for problem in _problems(kind, getattr(settings, name)):
            yield name, problem


@cache
def _types(settings: type) -> dict[str, Any]:
    return get_type_hints(settings, include_extras=True)


def _problems(kind: Any, value: Any) -> Iterator[str]:
    """What is wrong with a value, or with those that a tuple holds."""
    args = get_args(kind)
    if get_origin(kind) is Annotated:
        for limit in args[1:]:
            if isinstance(limit, Interval) and not _fits(args[0], limit, value):
                yield f"must be {_expected(args[0], limit)}, got {value!r}"
            if isinstance(limit, MinLen) and isinstance(value, tuple | list) and len(value) < limit.min_length:
                yield "must be one or more, got none"
        yield from _problems(args[0], value)
    elif get_origin(kind) is tuple:
        many = args[-1] is Ellipsis
        if not isinstance(value, tuple | list) or not (many or len(value) == len(args)):
            yield f"must be {'a tuple' if many else f'{len(args)} values'}, got {value!r}"
        else:
            for each, one in zip(args[:1] * len(value) if many else args, value, strict=True):
                yield from _problems(each, one)
    elif NoneType in args and value is not None:
        yield from _problems(args[0], value)


def _fits(kind: type, limit: Interval, value: Any) -> bool:
    is_number = isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    bounds = ((operator.ge, limit.ge), (operator.gt, limit.gt), (operator.le, limit.le), (operator.lt, limit.lt))
    # Never true of NaN; and an integer may be larger than any float.
    is_finite = is_number and (kind is int or abs(value) <= sys.float_info.max)
    return is_finite and all(bound is None or holds(value, bound) for holds, bound in bounds)


def _expected(kind: type, limit: Interval) -> str:
    """ "an integer from 1 to 1024", "a finite number >= 0 and < 1"."""
    if limit.ge is not None and limit.le is not None:
        return f"{'an integer' if kind is int else 'a number'} from {limit.ge} to {limit.le}"
    bounds = ((">=", limit.ge), (">", limit.gt), ("<=", limit.le), ("<", limit.lt))
    words = " and ".join(f"{sign} {bound}" for sign, bound in bounds if bound is not None)
    return f"{'an integer' if kind is int else 'a finite number'} {words}"
