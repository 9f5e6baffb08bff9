"""Signals as files of codes: `python -m benchmarks.compress encode FILE --run RUN.json -o FOLDER`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from rich.console import Console

from benchmarks.command_line.process import exit_code, run_command
from benchmarks.command_line.usage import UsageError
from benchmarks.compress.arguments import Measure, parse


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is done, 1 when a file could not be, 2 for a user's mistake, 130 when stopped."""
    arguments = parse(argv)

    def work(console: Console, errors: Console) -> int:
        # what is imported here takes seconds, which help need not wait for
        if isinstance(arguments, Measure) and arguments.report:
            require_packages("bjontegaard")
            from benchmarks.compress.show import show

            return show(arguments, console, errors)
        require_packages("constriction")
        if isinstance(arguments, Measure):
            require_packages("bjontegaard", "pillow_jxl", "ssimulacra2")
            from benchmarks.compress.measure import measure

            return measure(arguments, console, errors)
        from benchmarks.compress.command import compress

        return compress(arguments, console, errors)

    return exit_code(work, "stopped; what is written is whole")


def require_packages(*names: str) -> None:
    """Raise UsageError where one is not installed."""
    for name in names:
        if find_spec(name) is None:
            raise UsageError(f'this needs {name}: pip install "quantizer-zoo-benchmark[compression]"')


if __name__ == "__main__":
    run_command(main)
