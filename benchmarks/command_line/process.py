"""A command as a process."""

from __future__ import annotations

import codecs
import io
import os
import select
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

START = (sys.executable, str(Path(__file__).resolve().parents[1] / "__main__.py"))
"""Before the name of a command: starts it in a process of its own, whatever lies in the working folder."""

UNREAD = 141
"""Exit code of what wrote to a reader that had gone, as shells have it."""


def run_command(main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Give a command its words and end with its exit code; a reader that has gone away, as of `| head`, is no error.

    What a terminal or pipe of another encoding than UTF-8 has no sign for is written in ASCII.
    """
    codecs.register_error(_in_ascii.__name__, _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_in_ascii.__name__)
    Console.on_broken_pipe = _end_unread  # type: ignore[method-assign, assignment]  # rich's ends as a failed run does
    try:
        code = main(sys.argv[1:])
        _leave_group()
        sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_is_gone():
            raise  # it was another pipe, and that is an error
        _end_unread()
    sys.exit(code)


def _leave_group() -> None:
    """End the process group, if there is one: its threads, still running at exit, abort a process now and then."""
    distributed = sys.modules.get("torch.distributed")  # which no command imports for this
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


ASCII = {"±": "~", "–": "-", "×": "x", "·": "|", "→": "->", "↑": "^", "↓": "v", "≤": "<=", "≥": ">="}


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """For `codecs`: the likest sign for one that the encoding lacks ("e" for "é"), or its number, as for the bytes of a
    file's name that are no text."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_likest, error.object[error.start : error.end])), error.end


def _likest(sign: str) -> str:
    letters = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return ASCII.get(sign) or letters or sign.encode("ascii", "backslashreplace").decode()


def exit_code(work: Callable[[Console, Console], int], stopped: str = "stopped") -> int:
    """What a command's work returns, given the consoles of its output and its errors; 2 for a mistake of the user's
    (ValueError, OSError), whose sentences, a line each, are said, and 130 after `stopped` for Ctrl-C."""
    console, errors = Console(), Console(stderr=True, soft_wrap=True)
    try:
        return work(console, errors)
    except BrokenPipeError:
        raise  # the reader has gone away, and nothing is wrong
    except (ValueError, OSError) as error:
        for line in str(error).splitlines() or [repr(error)]:
            errors.print(f"error: {escape(line)}")
        return 2
    except KeyboardInterrupt:
        errors.print(stopped)
        return 130


def _reader_is_gone() -> bool:
    poll = select.poll()
    poll.register(sys.stdout, 0)  # errors are told unasked
    return bool(poll.poll(0))


def _end_unread(console: Console | None = None) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still wants to write
    raise SystemExit(UNREAD)
