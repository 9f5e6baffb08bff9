"""Make stored runs again and say whether the numbers agree: `python -m benchmarks.reproduce RUN.json`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.reproduce.arguments import Arguments


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all runs agree, 1 when one does not or nothing can be said of it, 2 for a user's mistake,
    130 when stopped."""
    arguments = parse_flags(Arguments, "benchmarks.reproduce", argv)
    from benchmarks.reproduce.command import reproduce  # takes seconds, which help need not wait for

    kept = "what was made is stored, and the same command goes on from there"
    lost = "nothing is kept; with --output FOLDER the same command could go on"
    return exit_code(partial(reproduce, arguments), f"stopped; {lost if arguments.output is None else kept}")


if __name__ == "__main__":
    run_command(main)
