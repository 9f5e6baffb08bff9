"""Run the notebooks of results/ and store them with what they show: `python -m benchmarks.notebooks`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.command_line.usage import UsageError
from storage.whole_files import replacing

FOLDER = Path("results/notebooks")
TIMEOUT = 600
"""Seconds that a cell may take."""


@dataclass(frozen=True)
class Arguments:
    """Run notebooks from top to bottom and store them with their outputs. One in which a cell fails stays as it is."""

    notebooks: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Notebooks; all in results/notebooks unless given."""


class NotebookError(RuntimeError):
    """A cell that failed; the message shows it and what it raised."""


def execute(path: Path) -> str:
    """The notebook at `path` with fresh outputs, as text; run in its own folder, and the file is left as it is.

    Raises:
        UsageError: it is no notebook, or what runs notebooks is not installed.
        NotebookError: a cell failed.
    """
    try:
        import nbclient
        import nbformat
    except ImportError as error:
        raise UsageError(
            "running notebooks needs the extra: pip install 'quantizer-zoo-benchmark[notebooks]'"
        ) from error
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        raise UsageError(f"{path} is no notebook that can be read: {error}") from error
    resources = {"metadata": {"path": str(path.parent)}}
    try:
        nbclient.NotebookClient(notebook, timeout=TIMEOUT, resources=resources, record_timing=False).execute()
    except (nbclient.exceptions.CellExecutionError, nbclient.exceptions.CellTimeoutError) as error:
        raise NotebookError(f"{path}: {error}") from error
    notebook.metadata.language_info = {"name": "python"}  # no version of Python,
    for cell in notebook.cells:
        if cell.cell_type == "code":  # and no warnings: they are of this machine
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return nbformat.writes(notebook) + "\n"


def run(arguments: Arguments, console: Console, errors: Console) -> int:
    """Run the notebooks and store them: 0 when all ran, 1 when a cell failed. UsageError where there is none."""
    paths = arguments.notebooks or sorted(FOLDER.glob("*.ipynb"))
    if not paths:
        raise UsageError(f"no notebook in {FOLDER}: start this in the repository, or name notebooks")
    failed = 0
    for path in paths:
        console.print(f"running {escape(str(path))}", soft_wrap=True)
        try:
            text = execute(path)
        except NotebookError as error:
            failed += 1
            errors.print(f"error: {escape(str(error))}")
        else:
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
    return 1 if failed else 0


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all ran, 1 when a cell failed, 2 for a user's mistake, 130 when stopped."""
    arguments = parse_flags(Arguments, "benchmarks.notebooks", argv)
    return exit_code(partial(run, arguments), "stopped; the notebooks named before the last are stored")


if __name__ == "__main__":
    run_command(main)
