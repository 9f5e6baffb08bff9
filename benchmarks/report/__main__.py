"""Write stored runs as one HTML file: `python -m benchmarks.report results --output report.html`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.command_line.usage import RUNS, UsageError, existing_paths
from benchmarks.plots import figures
from benchmarks.records.files import RecordError
from benchmarks.records.priors import Generation, chosen, read_generations, without_damaged
from benchmarks.records.record import StoredRuns, read_records
from benchmarks.records.throughput import Throughput, read_throughputs
from benchmarks.report.page import page
from benchmarks.report.pictures import Picture, figure_uri, read_samples
from benchmarks.report.sections import Section, sections
from benchmarks.tables.selection import Selection
from storage.whole_files import replacing

Item = TypeVar("Item")


@dataclass(frozen=True)
class Arguments:
    """Write stored runs as one HTML file: tables to sort, plots, originals and reconstructions to compare, the
    protocol, and the command behind each row.

    The file needs no network and no other file: open it, send it, print it. Equal runs give an equal file. Files that
    are no valid runs are named and left out, and the exit code is then 1.
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (RUNS,)
    """Stored runs (JSON files), or folders of them."""
    output: Path = Path("report.html")
    """The file to write."""
    only: tyro.conf.OmitArgPrefixes[Selection] = field(default_factory=Selection)


class Found(NamedTuple):
    """What is stored of runs."""

    runs: StoredRuns
    throughputs: list[Throughput]
    """Speeds of methods timed together."""
    priors: list[Generation]
    problems: list[str]
    """A sentence for each file that is left out."""


def find_runs(paths: Sequence[Path], only: Selection, errors: Console) -> Found:
    """The wanted runs in `paths`, and what was measured of them later.

    Raises:
        ValueError: a path that is named is not there, or no prior has the digest that is.
    """
    existing = existing_paths(paths)
    stored, problems = read_records(existing)
    whole = []
    wanted = [(path, record) for path, record in stored if only.fits(record)]
    for path, record in followed(wanted, "reading", errors):
        try:
            read_samples(path)
            whole.append((path, record))
        except RecordError as error:
            problems.append(str(error))
    priors = without_damaged(read_generations(existing, problems), problems)
    of_runs = chosen(priors, only.prior, [record.id for _, record in whole])
    return Found(whole, read_throughputs(existing, problems), of_runs, problems)


def followed(items: Sequence[Item], work: str, console: Console) -> Iterable[Item]:
    """The items, with a bar on a terminal that shows how many are done."""
    return track(items, work, console=console, transient=True, disable=not console.is_terminal)


def plots(section: Section) -> list[Picture]:
    """All plots of a section's runs."""
    return [
        Picture(figure_uri(figure), title)
        for _, title, figure in figures(section.runs, section.throughputs, section.priors)
    ]


def write(path: Path, text: str) -> None:
    """Write the file whole or not at all.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise UsageError(f"cannot write --output {path}: {error.strerror}; name a file that you may write") from error


def report(arguments: Arguments, console: Console, errors: Console) -> int:
    """Write the file: 0 when every file was a valid run, 1 when some were not. UsageError where there is none."""
    found = find_runs(arguments.paths, arguments.only, errors)
    for problem in found.problems:
        errors.print(f"left out: {escape(problem)}")
    if not found.runs:
        named = ", ".join(map(str, arguments.paths))
        raise UsageError(f"no stored run in {named} fits; make one with python -m benchmarks.run")
    all_sections = sections(found.runs, found.throughputs, found.priors)
    shown = [(section, plots(section)) for section in followed(all_sections, "drawing", errors)]
    write(arguments.output, page(shown, len(found.problems)))
    console.print(f"report: {escape(str(arguments.output))}", soft_wrap=True)
    return 1 if found.problems else 0


def main(argv: Sequence[str]) -> int:
    """The command: 0 when every file was a valid run, 1 when some were not, 2 for a mistake, 130 when stopped."""
    return exit_code(partial(report, parse_flags(Arguments, "benchmarks.report", argv)), "stopped; nothing was written")


if __name__ == "__main__":
    run_command(main)
