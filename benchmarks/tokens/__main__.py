"""The codes of a data set under a tokenizer, computed once: `python -m benchmarks.tokens`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.tokens.arguments import Arguments


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is stored, 2 for a user's mistake, 130 when stopped."""
    arguments = parse_flags(Arguments, "benchmarks.tokens", argv)
    from benchmarks.tokens.command import make_tokens  # takes seconds, which help need not wait for

    stopped = "stopped; whole files are stored, and the same command goes on from there"
    return exit_code(partial(make_tokens, arguments), stopped)


if __name__ == "__main__":
    run_command(main)
