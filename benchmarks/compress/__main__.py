"""Pictures as files of codes: `python -m benchmarks.compress encode PICTURE --run RUN.json -o FOLDER`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from rich.console import Console

from benchmarks.command_line.process import exit_code, run_command
from benchmarks.command_line.usage import UsageError
from benchmarks.compress.arguments import parse


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is done, 1 when a file could not be, 2 for a user's mistake, 130 when stopped."""
    arguments = parse(argv)

    def work(console: Console, errors: Console) -> int:
        if find_spec("constriction") is None:
            raise UsageError('files of codes need constriction: pip install "quantizer-zoo-benchmark[compression]"')
        from benchmarks.compress.command import compress  # takes seconds, which help need not wait for

        return compress(arguments, console, errors)

    return exit_code(work, "stopped; what is written is whole")


if __name__ == "__main__":
    run_command(main)
