"""Quantizers as source coders: train, measure, store, show: `python -m benchmarks.sources`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.sources.arguments import Arguments


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is there, 1 when a run failed or a file is none, 2 for a user's mistake, 130 when
    stopped."""
    arguments = parse_flags(Arguments, "benchmarks.sources", argv)
    from benchmarks.sources.command import code_sources  # takes seconds, which help need not wait for

    stopped = "stopped; what was done is stored, and the same command goes on from there"
    return exit_code(partial(code_sources, arguments), stopped)


if __name__ == "__main__":
    run_command(main)
