"""The command: `python -m benchmarks.evaluate`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from autoencoders.pretrained import list_pretrained
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.evaluate.arguments import Arguments
from benchmarks.records.values import as_command


def show_models(console: Console) -> None:
    """The published tokenizers: name, what they code, how they are verified, and where their weights are."""
    for model in list_pretrained():
        how = f"verified: {model.verified}" if model.verified else "not verified"
        console.print(f"[bold]{escape(model.name)}[/] {model.signals}, {escape(how)}", soft_wrap=True)
        about = f"    {model.paper}; licence: {model.licence}; weights: {model.source}"
        console.print(escape(about), soft_wrap=True, highlight=False)


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is measured, 2 for a user's mistake, 130 when stopped."""
    arguments = parse_flags(Arguments, "benchmarks.evaluate", argv)
    command = as_command("python", "-m", "benchmarks.evaluate", *argv)

    def work(console: Console, errors: Console) -> int:
        if arguments.list_models:
            show_models(console)
            return 0
        arguments.check()
        from benchmarks.evaluate.command import evaluate  # takes seconds, which help and the list need not wait for

        return evaluate(arguments, command, console, errors)

    return exit_code(work, "stopped; what was measured is stored, and the same command goes on from there")


if __name__ == "__main__":
    run_command(main)
