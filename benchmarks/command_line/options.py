"""Options of quantizers as words of a command line."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from benchmarks.command_line.usage import UsageError


def parse_options(words: Sequence[str]) -> dict[str, Any]:
    """["decay=0.9", "levels=(8, 5)"] -> {"decay": 0.9, "levels": (8, 5)}; what is no Python literal is a string."""
    options: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--options takes name=value, e.g. decay=0.9, not {word!r}")
        try:
            options[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):  # the latter of deep brackets
            options[name] = value
    return options
