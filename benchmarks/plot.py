"""Draw all pictures of stored runs: `python -m benchmarks.plot results`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro
from matplotlib.figure import Figure
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks import plots
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.command_line.usage import RUNS, UsageError, existing_paths, require_writable
from benchmarks.plots.compression import figures as compression_figures
from benchmarks.plots.saving import Format, save
from benchmarks.plots.source_coding import figures as source_figures
from benchmarks.plots.speed import sweep_figure
from benchmarks.records.arrays import read_arrays
from benchmarks.records.compression import Compression, read_compression
from benchmarks.records.files import RecordError, find_records
from benchmarks.records.priors import Generation, chosen, read_generations, without_damaged
from benchmarks.records.record import OtherProtocolError, Record, read_record
from benchmarks.records.source_coding import SourceRun, read_run as read_source_run
from benchmarks.records.speed import SpeedRun, read_run as read_speed_run
from benchmarks.records.throughput import Throughput, read_throughputs
from benchmarks.tables.generated import hidden, tables
from benchmarks.tables.selection import Selection
from benchmarks.tables.source_coding import summarise, to_frame
from benchmarks.tables.summaries import to_frame as to_frame_of_runs


@dataclass(frozen=True)
class Arguments:
    """Draw all pictures that stored runs can give: quality over bits and against cost, training curves, use of the
    codes and reconstructions of tokenizers, quality over the bytes of files, distortion over rate of source coders,
    speed against size.

    Runs that cannot be compared (protocol, preset, data, settings) have pictures of their own. Files that are no valid
    runs are named and left out, and the exit code is then 1.
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (RUNS,)
    """Stored runs (JSON files), or folders of them."""
    output: Path = RUNS / "plots"
    """Folder that the pictures are written to."""
    format: tuple[Format, ...] = ("svg", "png")
    """What they are written as; pdf is for papers."""
    only: tyro.conf.OmitArgPrefixes[Selection] = field(default_factory=Selection)


@dataclass
class Stored:
    """What was found, by protocol, and a sentence for each file that had to be left out."""

    runs: list[tuple[Path, Record]] = field(default_factory=list)
    sources: list[SourceRun] = field(default_factory=list)
    sweeps: list[SpeedRun] = field(default_factory=list)
    compressions: list[tuple[Path, Compression]] = field(default_factory=list)
    throughputs: list[Throughput] = field(default_factory=list)
    priors: list[Generation] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read(paths: Sequence[Path], only: Selection) -> Stored:
    """All runs of all protocols in these files and folders, or the wanted tokenizers among them."""
    stored = Stored()
    for path in find_records(paths):
        try:
            _read(path, stored, only)
        except RecordError as error:
            stored.problems.append(str(error))
    stored.throughputs = read_throughputs(paths, stored.problems)
    priors = without_damaged(read_generations(paths, stored.problems), stored.problems)
    stored.priors = chosen(priors, only.prior, [record.id for _, record in stored.runs])
    return stored


def _read(path: Path, stored: Stored, only: Selection) -> None:
    try:
        record = read_record(path)
    except OtherProtocolError:
        if only != Selection():
            return
        protocol = json.loads(path.read_bytes())["protocol"].partition("/")[0]
        if protocol == "source-coding":
            stored.sources.append(read_source_run(path))
        elif protocol == "compression":
            stored.compressions.append((path, read_compression(path)))
        elif protocol == "speed" and (run := read_speed_run(path)).conditions.series == "sweep":
            stored.sweeps.append(run)
        return
    if not only.fits(record):
        return
    read_arrays(path)  # damaged ones are named here, before anything is drawn
    stored.runs.append((path, record))


def figures(stored: Stored) -> Iterator[tuple[str, str, Figure]]:
    """File stem, title and figure of each picture, one at a time."""
    yield from plots.figures(stored.runs, stored.throughputs, stored.priors)
    if stored.sources:
        for stem, title, figure in source_figures(summarise(to_frame(stored.sources))):
            yield f"source-coding-{stem}", title, figure
    yield from compression_figures(stored.compressions)
    for run in stored.sweeps:
        yield f"speed-{run.conditions.id}", f"Speed against size, {run.conditions.threads} threads", sweep_figure(run)


def draw(arguments: Arguments, console: Console, errors: Console) -> int:
    """Write the pictures; 0 when every file was a valid run, 1 when some were not. UsageError where there is none."""
    stored = read(existing_paths(arguments.paths), arguments.only)
    for problem in stored.problems:
        errors.print(f"left out: {escape(problem)}")
    for _, priors in tables(to_frame_of_runs(record for _, record in stored.runs), stored.priors):
        for line in hidden(priors):
            console.print(escape(line), soft_wrap=True, highlight=False)
    if not (stored.runs or stored.sources or stored.compressions or stored.sweeps):
        named = ", ".join(map(str, arguments.paths))
        raise UsageError(f"no stored run in {named} to draw fits; make one with python -m benchmarks.run")
    require_writable(arguments.output)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("drawing")
        for stem, title, figure in figures(stored):
            bar.update(task, description=escape(title))
            for path in save(figure, arguments.output, stem, arguments.format):
                console.print(f"picture: {escape(str(path))}", highlight=False, soft_wrap=True)
    return 1 if stored.problems else 0


def main(arguments: Arguments) -> int:
    """The command: as `draw`, 2 for a user's mistake, 130 when stopped."""
    return exit_code(partial(draw, arguments), "stopped; the pictures named above are written")


if __name__ == "__main__":
    run_command(lambda argv: main(parse_flags(Arguments, "benchmarks.plot", argv)))
