"""Time the methods of stored runs against each other: `python -m benchmarks.throughput`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.records.values import as_command
from benchmarks.throughput.arguments import Arguments


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all tables are timed, 2 for a user's mistake, 130 when stopped."""
    arguments = parse_flags(Arguments, "benchmarks.throughput", argv)
    command = as_command("python", "-m", "benchmarks.throughput", *argv)
    from benchmarks.throughput.command import time_all  # takes seconds, which help need not wait for

    stopped = "stopped; nothing is kept of the table that was being timed"
    return exit_code(partial(time_all, arguments, command), stopped)


if __name__ == "__main__":
    run_command(main)
