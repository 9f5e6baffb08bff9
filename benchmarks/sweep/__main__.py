"""Quantizers x rates x seeds x options from a YAML file: `python -m benchmarks.sweep FILE.yaml`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.sweep.arguments import Arguments


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is done, 1 when a run failed, 2 for a user's mistake, 130 when stopped."""
    arguments = parse_flags(Arguments, "benchmarks.sweep", argv)

    def work(console: Console, errors: Console) -> int:
        arguments.check()
        from benchmarks.sweep.command import sweep  # takes seconds, which help need not wait for

        return sweep(arguments, console, errors)

    return exit_code(work)


if __name__ == "__main__":
    run_command(main)
