"""What `python -m benchmarks.reproduce` does with its arguments."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.data.machine import crowding, torch_threads
from benchmarks.metrics.weights import MetricWeights
from benchmarks.records.arrays import read_arrays
from benchmarks.records.files import find_records
from benchmarks.records.record import Record, read_record, read_records
from benchmarks.reproduce.agreement import Agreement, compare
from benchmarks.reproduce.arguments import Arguments
from benchmarks.training.arguments import Arguments as RunArguments
from benchmarks.training.execution import Execution
from benchmarks.training.experiment import find_done, perform_with_bar
from benchmarks.training.loop import TrainingError, TrainingStopped, make_accelerator
from benchmarks.training.planning import require_memory
from benchmarks.training.resolved import ResolvedRun, resolve
from benchmarks.training.signals import SignalData
from benchmarks.training.stored import open_own_data, rebuild, require_same, require_same_data
from storage.checkpoint import CheckpointError
from storage.whole_files import replacing


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
    opened: dict[Any, SignalData] = {}
    reproductions = []
    for (path, stored), run in zip(asked, runs, strict=True):
        accelerator = make_accelerator(run.settings.train, cpu=all(on_cpu))
        require_memory(run.settings, accelerator)
        if run.settings.data not in opened:
            opened[run.settings.data] = open_own_data(path, stored, run.settings.data)
        require_same_data(path, stored, opened[run.settings.data])
        execution = Execution(
            accelerator, weights, arguments.checkpoint_every, RunArguments.eval_batch_size, stored.notes
        )
        resolved = resolve(run, opened[run.settings.data], output)
        reproductions.append(Reproduction(path, stored, resolved, execution))
    for each in reproductions:
        done = find_done(each.run.path, each.execution.accelerator)
        if done is not None:
            require_same(done, each.run)
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
    if (found := crowding(threads)) is not None:
        console.print(f"as in the stored run {found}: slow, with the same numbers", soft_wrap=True, highlight=False)
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


def reproduce(arguments: Arguments, console: Console, errors: Console) -> int:
    """Make the runs again and compare: 0 when all agree, 1 when one does not or nothing can be said of it, 130 when
    stopped.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    with ExitStack() as stack:
        output = arguments.output or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        reproductions = prepare(arguments, output)
        if arguments.json is not None:
            write_json(arguments.json, [])  # before the work, to see that it can be
        try:
            return execute(reproductions, arguments, console, errors)
        except TrainingStopped as error:
            raise KeyboardInterrupt from error
