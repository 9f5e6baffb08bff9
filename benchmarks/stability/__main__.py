"""How far a tokenizer's codes stay the same: `python -m benchmarks.stability RUN.json`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.records.values import as_command
from benchmarks.stability.arguments import Arguments


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is measured or shown, 2 for a user's mistake, 130 when stopped."""
    arguments = parse_flags(Arguments, "benchmarks.stability", argv)
    command = as_command("python", "-m", "benchmarks.stability", *argv)

    def work(console: Console, errors: Console) -> int:
        arguments.check()
        if not arguments.report:
            from benchmarks.stability.command import measure_all  # takes seconds, which help need not wait for

            measure_all(arguments, command, console, errors)
        from benchmarks.stability.show import show

        return show(arguments, console, errors)

    return exit_code(work, "stopped; what was measured is stored, and the same command goes on from there")


if __name__ == "__main__":
    run_command(main)
