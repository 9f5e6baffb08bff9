"""Quantizers x rates x seeds x options from a YAML file: `python -m benchmarks.sweep FILE.yaml`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import run_command
from benchmarks.command_line.usage import UsageError
from benchmarks.sweep.arguments import Arguments


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is done, 1 when a run failed, 2 for a user's mistake, 130 when stopped."""
    console, errors = Console(), Console(stderr=True, soft_wrap=True)
    arguments = parse_flags(Arguments, "benchmarks.sweep", argv)
    try:
        arguments.check()
    except UsageError as error:
        errors.print(f"error: {escape(str(error))}")
        return 2
    from benchmarks.sweep.command import sweep  # takes seconds, which help need not wait for

    return sweep(arguments, console, errors)


if __name__ == "__main__":
    run_command(main)
