"""Time the quantizers beside the packages in use, store that, and show it: `python -m benchmarks.speed`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.speed.arguments import Arguments


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is there, 2 for a user's mistake, 130 when stopped."""
    arguments = parse_flags(Arguments, "benchmarks.speed", argv)
    from benchmarks.speed.command import measure  # takes seconds, which help need not wait for

    stopped = "stopped; what was measured is stored, and the same command goes on from there"
    return exit_code(partial(measure, arguments), stopped)


if __name__ == "__main__":
    run_command(main)
