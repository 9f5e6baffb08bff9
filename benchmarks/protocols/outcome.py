"""What one of several processes found, or why it found nothing, as a value that all can be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def outcome(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result, or the ValueError: carried to the other ranks, which would wait for this one for ever."""
    try:
        return function(*arguments)
    except ValueError as error:
        return error
