"""A command as a process."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from rich.console import Console

UNREAD = 141
"""Exit code of what wrote to a reader that had gone, as shells have it."""


def run_command(main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Give a command its words and end with its exit code; a reader that has gone away, as of `| head`, is no error."""
    Console.on_broken_pipe = _end_unread  # type: ignore[method-assign, assignment]  # rich's ends as a failed run does
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_is_gone():
            raise  # it was another pipe, and that is an error
        _end_unread()
    sys.exit(code)


def _reader_is_gone() -> bool:
    poll = select.poll()
    poll.register(sys.stdout, 0)  # errors are told unasked
    return bool(poll.poll(0))


def _end_unread(console: Console | None = None) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still wants to write
    raise SystemExit(UNREAD)
