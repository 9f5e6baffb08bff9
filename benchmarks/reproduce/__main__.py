"""Make stored runs again and say whether the numbers agree: `python -m benchmarks.reproduce RUN.json`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import TypeAdapter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autoencoders.ranges import Count
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import run_command
from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.data import Data, DataConfig
from benchmarks.data.machine import cores
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.speed.measure import torch_threads
from benchmarks.records.files import find_records
from benchmarks.records.record import Record, read_arrays, read_record, read_records
from benchmarks.reproduce.agreement import Agreement, compare
from benchmarks.training.arguments import Arguments as RunArguments
from benchmarks.training.experiment import Execution, find_done, perform_with_bar
from benchmarks.training.loop import TrainingError, TrainingStopped, make_accelerator
from benchmarks.training.planning import require_memory
from benchmarks.training.resolved import ResolvedRun, resolve
from benchmarks.training.stored import open_pictures, rebuild, require_same_content, require_same_pictures
from storage.checkpoint import CheckpointError
from storage.whole_files import replacing


@dataclass(frozen=True)
class Arguments:
    """Make stored runs again, with the configuration and the number of threads that are stored with them, and say
    whether the numbers agree.

    Where processor, versions, threads and commit are those of the stored run, every number must be equal, picture by
    picture. Elsewhere each metric must lie within the spread of the stored seeds of the same row: without at least two
    of them there is no verdict. Speeds are not compared. The exit code is 0 when all runs agree, else 1. A run that
    several processes made is made again by as many under `torchrun` or `accelerate launch`.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Stored runs (RUN.json)."""
    data: str | None = None
    """Where the pictures are, if they are not where the stored run had them: a folder or a name, as for
    python -m benchmarks.run."""
    results: tuple[Path, ...] = ()
    """Folders of stored runs with the other seeds; that of RUN.json unless given."""
    output: Path | None = None
    """Folder to keep the new runs in, so that a stopped command can go on; nothing is kept unless given."""
    json: Path | None = None
    """Also write the comparison to this file, a list with an entry for each run."""
    checkpoint_every: Count = RunArguments.checkpoint_every
    """Steps between checkpoints."""
    inception: Path | None = None
    """Weights of the FID Inception network, where the row has an rFID; see python -m benchmarks.weights."""
    lpips_backbone: Path | None = None
    """Weights of the LPIPS backbone, where the row has an LPIPS; see python -m benchmarks.weights."""


@dataclass(frozen=True)
class Reproduction:
    """A stored run, and all that is needed to make it again."""

    path: Path
    stored: Record
    run: ResolvedRun
    execution: Execution


def prepare(arguments: Arguments, output: Path) -> list[Reproduction]:
    """Everything that can be found wrong is found here, before the first run starts.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    if not arguments.runs:
        raise UsageError("name at least one stored run (RUN.json)")
    asked = [(path, read_record(path)) for path in dict.fromkeys(arguments.runs)]
    runs = [rebuild(path, stored, arguments.data, arguments.lpips_backbone) for path, stored in asked]
    on_cpu = {stored.environment.device == "cpu" for _, stored in asked}
    if len(on_cpu) > 1 or len({run.settings.train.precision for run in runs}) > 1:
        raise UsageError("these runs were made on CPU and GPU, or in several precisions: give each kind by itself")
    weights = MetricWeights.find(inception=arguments.inception, lpips_backbone=arguments.lpips_backbone)
    require_writable(output)
    opened: dict[DataConfig, Data] = {}
    reproductions = []
    for (path, stored), run in zip(asked, runs, strict=True):
        accelerator = make_accelerator(run.settings.train, cpu=all(on_cpu))
        require_memory(run.settings, accelerator)
        if run.settings.data not in opened:
            opened[run.settings.data] = open_pictures(path, stored, run.settings.data)
        require_same_pictures(path, stored, opened[run.settings.data])
        execution = Execution(
            accelerator, weights, arguments.checkpoint_every, RunArguments.eval_batch_size, stored.notes
        )
        resolved = resolve(run, opened[run.settings.data], output)
        reproductions.append(Reproduction(path, stored, resolved, execution))
    for each in reproductions:
        done = find_done(each.run.path, each.execution.accelerator)
        if done is not None:
            require_same_content(each.run.path, done.data, each.run.data.record)
        if done is not None and done.created == each.stored.created:
            raise UsageError(
                f"--output {output} holds {each.path.name} itself, which would be lost: name another folder"
            )
    return reproductions


def make_again(each: Reproduction, console: Console) -> tuple[Record, Path]:
    """The new run, with the stored number of threads; one that a stopped command left done is taken as it is."""
    path, threads = each.run.path, each.stored.environment.threads
    done = find_done(path, each.execution.accelerator)
    if done is not None:
        console.print(f"{escape(each.stored.id)}: done already, see {escape(str(path))}", soft_wrap=True)
        return done, path
    if threads > cores():
        console.print(f"{threads} threads as in the stored run, on {cores()} cores: slow, with the same numbers")
    with torch_threads(threads):
        return perform_with_bar(each.run, each.execution, console), path


def other_seeds(path: Path, stored: Record, folders: Sequence[Path]) -> tuple[list[Record], list[str]]:
    """Stored runs that may be of the same row, found by their file names, and a sentence for each file that is none.

    Args:
        path: The stored run's file.
        stored: What it holds.
        folders: Where to look; none: beside the file.
    """
    name = stored.id.rpartition(f"-seed{stored.seed}-")[0]
    records, problems = read_records(find_records(folders or (path.parent,), f"{name}-seed*.json"))
    return [record for _, record in records], problems


def show(agreement: Agreement, console: Console) -> None:
    """The metrics then and now, what else differs, and the verdict."""
    table = Table("metric", header_style="bold")
    for heading in ("stored", "now", "difference", "seed spread", "agrees"):
        table.add_column(heading, justify="right")
    said = {True: "yes", False: "NO", None: "–"}
    for metric in agreement.metrics:
        numbers = (metric.stored, metric.now, metric.difference, metric.spread)
        styles = ("{:.6g}", "{:.6g}", "{:+.2g}", "{:.2g}")
        words = ["–" if number is None else style.format(number) for number, style in zip(numbers, styles, strict=True)]
        table.add_row(metric.name, *words, said[metric.agrees])
    if agreement.metrics:
        console.print(table)
    for name, reason in agreement.not_measured.items():
        console.print(f"{name} is not compared: {escape(reason)}", soft_wrap=True)
    for what in agreement.environment:
        known = "" if what.stored != what.now else ", which says nothing of changed code"
        console.print(f"{escape(what.name)}: {escape(what.stored)} then, {escape(what.now)} now{known}", soft_wrap=True)
    for array in agreement.array_differences:
        by = "" if array.largest is None else f", by up to {array.largest:.2g}"
        console.print(f"{array.name}: {array.different} of {array.values} numbers differ{by}", soft_wrap=True)
    if agreement.curves_part_at is not None:
        console.print(f"the training curves part at step {agreement.curves_part_at}")
    console.print(f"[bold]{escape(agreement.id)}: {verdict(agreement)}[/]", soft_wrap=True, highlight=False)


def verdict(agreement: Agreement) -> str:
    """The verdict and what it rests on."""
    seeds = len(agreement.seeds)
    if agreement.failure is not None:
        return f"{agreement.verdict}: {agreement.failure}"
    if agreement.verdict == "agrees exactly":
        arrays = f", and all {len(agreement.arrays)} arrays beside it" if agreement.arrays else ""
        return f"{agreement.verdict}: every metric{arrays}"
    if agreement.exact_expected:
        return f"{agreement.verdict}: on the same machine and versions every number should be equal"
    if agreement.verdict == "no verdict":
        return (
            f"{agreement.verdict}: machine, versions or code differ, and for a spread at least 2 stored seeds of this "
            f"row are needed, {seeds} found; name a folder that has them by --results"
        )
    beyond = ", ".join(metric.name for metric in agreement.metrics if metric.agrees is False)
    if beyond:
        return f"{agreement.verdict}: {beyond} differ by more than the {seeds} stored seeds explain"
    return f"{agreement.verdict} ({seeds} seeds); machine, versions or code differ"


def execute(reproductions: Sequence[Reproduction], arguments: Arguments, console: Console, errors: Console) -> int:
    """Make the runs, hold each against the stored one and show that; 0 when all agree, else 1."""
    agreements: list[Agreement] = []
    for each in reproductions:
        console.quiet = errors.quiet = not each.execution.accelerator.is_main_process
        try:
            now, path = make_again(each, console)
        except (TrainingError, CheckpointError) as error:
            agreement = Agreement(id=each.stored.id, verdict="does not agree", failure=str(error))
        else:
            others, problems = other_seeds(each.path, each.stored, arguments.results)
            for problem in problems:
                errors.print(f"left out: {escape(problem)}")
            agreement = compare(each.stored, now, read_arrays(each.path), read_arrays(path), others)
        agreements.append(agreement)
        show(agreement, console)
        if arguments.json is not None and each.execution.accelerator.is_main_process:
            write_json(arguments.json, agreements)
    return 0 if all(agreement.agrees for agreement in agreements) else 1


def write_json(path: Path, agreements: list[Agreement]) -> None:
    """The comparisons, as a list.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(TypeAdapter(list[Agreement]).dump_json(agreements, indent=1) + b"\n")
    except OSError as error:
        raise UsageError(f"cannot write --json {path}: {error.strerror}") from error


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all runs agree, 1 when one does not or nothing can be said of it, 2 for a user's mistake,
    130 when stopped."""
    console, errors = Console(), Console(stderr=True, soft_wrap=True)
    arguments = parse_flags(Arguments, "benchmarks.reproduce", argv)
    kept = "what was made is stored, and the same command goes on from there"
    lost = "nothing is kept; with --output FOLDER the same command could go on"
    with ExitStack() as stack:
        try:
            output = arguments.output or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            reproductions = prepare(arguments, output)
            if arguments.json is not None:
                write_json(arguments.json, [])  # before the work, to see that it can be
            return execute(reproductions, arguments, console, errors)
        except ValueError as error:
            errors.print(f"error: {escape(str(error))}")
            return 2
        except (TrainingStopped, KeyboardInterrupt):
            errors.print(f"stopped; {lost if arguments.output is None else kept}")
            return 130


if __name__ == "__main__":
    run_command(main)
