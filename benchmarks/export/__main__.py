"""Tokenizers as programs that run without this package: `python -m benchmarks.export RUN.json --format onnx`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.export.arguments import Arguments
from benchmarks.records.values import as_command


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is written and compared, 2 for a user's mistake, 130 when stopped."""
    arguments = parse_flags(Arguments, "benchmarks.export", argv)
    command = as_command("python", "-m", "benchmarks.export", *argv)

    def work(console: Console, errors: Console) -> int:
        arguments.check()
        from benchmarks.export.command import export  # takes seconds, which help need not wait for

        return export(arguments, command, console, errors)

    return exit_code(work, "stopped; what is written is whole")


if __name__ == "__main__":
    run_command(main)
