"""What stands for a path wherever a public function takes one."""

import os
import re
from typing import TypeAlias

StrPath: TypeAlias = str | os.PathLike[str]
"""As the standard library takes paths."""


def printable(name: StrPath) -> str:
    r"""The name of a file as text: bytes of it that are not UTF-8 are written as \xff."""
    return os.fspath(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def from_printable(text: str) -> str:
    r"""The name of a file that `printable` wrote; a file that truly has \xff in its name is taken for itself."""
    if os.path.exists(os.path.expanduser(text)):
        return text
    return os.fsdecode(re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), os.fsencode(text)))
