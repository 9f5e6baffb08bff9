"""A command as a process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

UNREAD = 141
"""Exit code of what wrote to a reader that had gone, as shells have it."""


def run_command(main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Give a command its words and end with its exit code; a reader that has gone away, as of `| head`, is no error."""
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still wants to write
        code = UNREAD
    sys.exit(code)
