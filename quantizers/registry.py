"""Quantizers by name: the zoo's own, those of installed packages, and any class that keeps the contract.

create_quantizer("fsq", bits=10)
create_quantizer("my_package.my_module:MyQuantizer", dim=8)
"""

from __future__ import annotations

import difflib
import hashlib
import inspect
import os
import sys
import warnings
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantizers.registration import Registration, load_class
from quantizers.zoo import ZOO

if TYPE_CHECKING:
    from torch import nn

    from quantizers.base import Quantizer

ENTRY_POINT_GROUP = "quantizer_zoo_benchmark"

CONTRACT_ATTRIBUTES = ("dim", "codebook_size", "codes_per_position", "bits_per_position", "decode", "anneal")

_BY_NAME = {entry.name: entry for entry in ZOO}


def list_quantizers() -> list[Registration]:
    """The zoo's quantizers and those of installed packages, by name; a broken one is warned about."""
    listed = dict(_BY_NAME)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name in listed:
            continue
        try:
            quantizer = _load_also_here(point.value, f"entry point {point.name!r}")
        except ValueError as error:
            warnings.warn(str(error), stacklevel=2)
            continue
        summary = (inspect.getdoc(quantizer) or point.value).splitlines()[0]
        listed[point.name] = Registration(point.name, point.value, summary)
    return [listed[name] for name in sorted(listed)]


def quantizer_class(name: str) -> type[nn.Module]:
    """The class that `name` stands for: a registered name, an entry point's, or `package.module:Class`.

    Raises:
        ValueError: there is none; the message has the nearest names.
    """
    if not isinstance(name, str):
        raise ValueError(f"a quantizer's name must be a string, got {name!r}")
    if ":" in name:
        return _load_also_here(name, f"quantizer {name!r}")
    if name in _BY_NAME:
        return _BY_NAME[name].quantizer
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        return _load_also_here(point.value, f"entry point {name!r}")
    names = [*_BY_NAME, *(point.name for point in entry_points(group=ENTRY_POINT_GROUP))]
    near = difflib.get_close_matches(name, names, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(names)}"
    raise ValueError(f"unknown quantizer {name!r}: {hint} (another package's is written package.module:Class)")


def quantizer_options(name: str, base: str | None = None) -> Mapping[str, inspect.Parameter]:
    """The constructor's options by name, each with its default (`Parameter.default`) and annotation.

    A quantizer made of another one (an option `base`, and `**options` that it hands on) has the options of its
    base too: of the one named here, or of its default.
    """
    parameters = inspect.signature(quantizer_class(name)).parameters
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    options = {key: parameter for key, parameter in parameters.items() if parameter.kind in kinds}
    hands_on = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    if hands_on and "base" in options:
        return {**quantizer_options(base or options["base"].default), **options}
    return options


def create_quantizer(name: str, *, bits: int | None = None, **options: Any) -> Quantizer:
    """Build a quantizer.

    Args:
        name: a name of `list_quantizers`, or `package.module:Class`.
        bits: bits per position; the class's `options_for_bits` turns them into options (or its constructor
            takes them). A method that cannot meet the rate exactly says its true one in `bits_per_position`.
        **options: the constructor's; see `quantizer_options`.

    Raises:
        ValueError: unknown name or option, a rate that cannot be had, or a class that lacks the contract's
            parts.
    """
    quantizer = quantizer_class(name)
    if bits is not None:
        options |= options_for_bits(name, bits, options)
    known = quantizer_options(name, options.get("base"))
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(
            f"{name!r} has no option {', '.join(map(repr, unknown))}: its options are {', '.join(known) or 'none'}"
        )
    missing = [key for key, value in known.items() if value.default is inspect.Parameter.empty and key not in options]
    if missing:
        raise ValueError(f"{name!r} needs {', '.join(map(repr, missing))}: give it as an option")
    built = quantizer(**options)
    lacking = [attribute for attribute in CONTRACT_ATTRIBUTES if not hasattr(built, attribute)]
    if lacking:
        raise ValueError(f"{name!r} does not keep the quantizer contract: it has no {', '.join(lacking)}")
    return built  # type: ignore[return-value]


def options_for_bits(name: str, bits: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that give a quantizer `bits` bits per position, beside those chosen already.

    Raises:
        ValueError: there are none, or those chosen fix the rate already.
    """
    quantizer = quantizer_class(name)
    if hasattr(quantizer, "options_for_bits"):
        chosen = quantizer.options_for_bits(bits, **options)
    elif "bits" in quantizer_options(name):
        chosen = {"bits": bits}
    else:
        raise ValueError(f"{name!r} cannot be made for a number of bits: give its own options")
    clashing = [key for key, value in chosen.items() if key in options and options[key] != value]
    if clashing:
        raise ValueError(f"bits={bits} already fixes {', '.join(clashing)}: give one or the other")
    return chosen


def with_dim(name: str, bits: int | None, options: Mapping[str, Any], dim: int) -> dict[str, Any]:
    """`options`, and `dim` where the quantizer leaves its width to the user: neither chosen, nor fixed by the rate.

    Raises:
        ValueError: no such quantizer or rate.
    """
    if "dim" in options or "dim" not in quantizer_options(name, options.get("base")):
        return dict(options)
    fixed = {} if bits is None else options_for_bits(name, bits, options)
    return dict(options) if "dim" in fixed else {**options, "dim": dim}


def _load_also_here(place: str, what: str) -> type[nn.Module]:
    """`load_class` of another's class, which may stand in the current directory."""
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())
    return load_class(place, what)


def source_digest(name: str) -> str | None:
    """Digest of the file that a `package.module:Class` stands in; None for a quantizer of the registry."""
    if ":" not in name:
        return None
    path = inspect.getsourcefile(quantizer_class(name))
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10] if path else None
