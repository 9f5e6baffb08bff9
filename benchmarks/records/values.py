"""Values as they are stored, and short names for them."""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

from storage.paths import printable


def digest(*parts: Any) -> str:
    """A short name for JSON-able values: equal values, equal names."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:10]


def plain(value: Any) -> Any:
    """JSON's types only: tuples as lists, paths as text, and all text fit to be written."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return printable(value.as_posix())
    return printable(value) if isinstance(value, str) else value


def as_command(*words: str) -> str:
    """A command line, fit to be stored."""
    return printable(shlex.join(words))
