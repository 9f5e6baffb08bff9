"""Train priors on stored runs' tokenizers and generate pictures: `python -m benchmarks.generate --run RUN`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.process import run_command
from benchmarks.generate.arguments import parse


def main(argv: Sequence[str]) -> int:
    """The command; a user's mistake becomes a sentence and exit code 2."""
    console, errors = Console(), Console(stderr=True, soft_wrap=True)
    try:
        arguments = parse(argv)
        arguments.check()
    except ValueError as error:
        errors.print(f"error: {escape(str(error))}")
        return 2
    from benchmarks.generate.command import generate  # takes seconds, which help need not wait for

    return generate(arguments, console, errors)


if __name__ == "__main__":
    run_command(main)
