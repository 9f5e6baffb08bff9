"""The flags of a command, read alike in all of them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, TypeVar

import tyro

from autoencoders.ranges import out_of_range

Flags = TypeVar("Flags")


def parse_flags(kind: type[Flags], command: str, argv: Sequence[str], default: Flags | None = None) -> Flags:
    """What `argv` says, as a dataclass whose docstrings are the help; ends the process on a mistake, or after --help.
    Each number is in the range that its type says (`autoencoders.ranges`).

    Args:
        kind: the dataclass.
        command: the module that is started, e.g. "benchmarks.run".
        argv: the words after it.
        default: values of what is not said, in place of the dataclass's own.
    """
    values: dict[str, Any] = {} if default is None else {"default": default}
    flags: Flags = tyro.cli(
        kind,
        prog=f"python -m {command}",
        description=inspect.cleandoc(kind.__doc__ or ""),
        args=list(argv),
        config=(tyro.conf.FlagCreatePairsOff,),
        **values,
    )
    parts = (part for part in vars(flags).values() if is_dataclass(part) and not hasattr(part, "__post_init__"))
    for part in (flags, *parts):
        for name, problem in out_of_range(part):
            print(f"error: --{name.replace('_', '-')} {problem}", file=sys.stderr)
            sys.exit(2)
    return flags


def as_flags(values: Mapping[str, Any]) -> list[str]:
    """The words that mean these values: {"train.batch_size": 8, "data.flip": False} is --train.batch-size 8
    --data.no-flip."""
    words: list[str] = []
    for name, value in values.items():
        section, dot, last = name.replace("_", "-").rpartition(".")
        if isinstance(value, bool):
            words.append(f"--{section}{dot}{'' if value else 'no-'}{last}")
        else:
            words += [f"--{section}{dot}{last}", *map(str, _flattened(value))]
    return words


def _flattened(value: Any) -> Iterator[Any]:
    """The single values in nested sequences, one after the other."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from _flattened(each)
    else:
        yield value
