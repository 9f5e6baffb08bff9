"""What `python -m benchmarks.sweep` does with its arguments."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.sweep import cluster, local, slurm
from benchmarks.sweep.arguments import Arguments
from benchmarks.sweep.display import Display
from benchmarks.sweep.file import read_sweep
from benchmarks.sweep.job import Executor, Job, Outcome
from benchmarks.sweep.plan import Plan, plan
from benchmarks.tables import formats, summaries
from benchmarks.tables.stored import Stored
from benchmarks.training.progress import interruptible


def show_plan(jobs: Sequence[Job], console: Console) -> None:
    """A line for each run: whether it is done, and its command."""
    for job in jobs:
        console.print(f"{'done ' if job.is_done else 'to do'}  {escape(job.command)}", soft_wrap=True, highlight=False)


def write_script(arguments: Arguments, path: Path, jobs: Sequence[Job], console: Console) -> None:
    """The SLURM script, and what to do with it."""
    text = slurm.script(jobs, arguments.file.stem, arguments.cpus_per_run, arguments.gpus_per_run)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write --slurm {path}: {error.strerror}") from error
    jobs[0].log.parent.mkdir(parents=True, exist_ok=True)  # SLURM does not make it, and ends tasks without a word
    console.print(f"{len(jobs)} runs are to do; submit them by: sbatch {escape(str(path))}", highlight=False)


def executor(arguments: Arguments, errors: Console) -> AbstractContextManager[Executor]:
    """What does the jobs: this machine's processes, or Ray."""
    environments = local.shares(arguments.workers)
    if arguments.ray is None:
        local.warn_of_crowding(environments, errors)
        return nullcontext(partial(local.perform, environments))
    return cluster.executor(arguments.ray, len(environments), arguments.cpus_per_run, arguments.gpus_per_run)


def execute(arguments: Arguments, stages: Sequence[Sequence[Job]], errors: Console) -> list[Outcome]:
    """Do the jobs, stage after stage; what became of each, without those that a stop came before."""
    outcomes: list[Outcome] = []
    jobs = [job for stage in stages for job in stage]
    with executor(arguments, errors) as perform, interruptible() as stop_requested, Display(jobs, errors) as display:
        for stage in stages:
            for ended in perform(stage, stop_requested):
                display.look()
                display.end(ended)
                outcomes += ended
            if stop_requested():
                break
    return outcomes


def show(planned: Plan, outcomes: Sequence[Outcome], console: Console, errors: Console) -> bool:
    """The comparison of the runs that are done, where they are, and which have failed; False when one has."""
    done = [job.record for job in planned.jobs if job.is_done]
    if done:
        stored = Stored.read(done)
        built = summaries.comparison(summaries.summarise(stored.frame, stored.resamples()))
        for problem in stored.problems:
            errors.print(f"left out: {escape(problem)}")
        formats.print_tables(built, console, [summaries.LEGEND, *stored.remarks()])
    for folder in sorted({record.parent for record in done}):
        errors.print(f"records: {escape(str(folder))}")
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    for outcome in failed:
        errors.print(f"failed:  {escape(f'{outcome.job.name}: {outcome.reason}; see {outcome.job.log}')}")
    if failed:
        errors.print(f"{len(failed)} of {len(planned.jobs)} runs failed; the same command tries them again")
    return not failed


def sweep(arguments: Arguments, console: Console, errors: Console) -> int:
    """Do the runs and compare them: 0 when all is done, 1 when a run failed, 130 when stopped.

    Raises:
        ValueError: mistakes of the user's, a line each.
    """
    file = read_sweep(arguments.file, arguments.instead)
    planned = plan(file)
    for problem in planned.left_out:
        errors.print(f"left out: {escape(problem)}")
    stages = [[job for job in jobs if not job.is_done] for jobs in (planned.baselines, planned.runs)]
    to_do = [job for stage in stages for job in stage]
    errors.print(f"{len(planned.jobs) - len(to_do)} of {len(planned.jobs)} runs are done already", highlight=False)
    if arguments.dry_run:
        show_plan(planned.jobs, console)
        return 0
    require_writable(file.sweep.output)
    if arguments.slurm is not None:
        if to_do:
            write_script(arguments, arguments.slurm, to_do, errors)
        return 0
    try:
        outcomes = execute(arguments, stages, errors)
    except KeyboardInterrupt:
        errors.print("stopped; the same command goes on from the last checkpoints")
        os._exit(130)  # at once; the runs end with this process
    if len(outcomes) < len(to_do) or any(outcome.status == "stopped" for outcome in outcomes):
        errors.print("stopped; what was done is stored, and the same command goes on from there")
        return 130
    return 0 if show(planned, outcomes, console, errors) else 1
