"""Priors on stored runs' tokenizers, and what they draw: `python -m benchmarks.generate --run RUN`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from benchmarks.command_line.process import exit_code, run_command
from benchmarks.generate.arguments import parse


def main(argv: Sequence[str]) -> int:
    """The command; a user's mistake becomes a sentence and exit code 2."""

    def work(console: Console, errors: Console) -> int:
        arguments = parse(argv)
        arguments.check()
        from benchmarks.generate.command import generate  # takes seconds, which help need not wait for

        return generate(arguments, console, errors)

    return exit_code(work, "stopped; the same command goes on from the last checkpoint")


if __name__ == "__main__":
    run_command(main)
