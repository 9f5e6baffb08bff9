"""Quantizers x rates x seeds x options from a YAML file: `python -m benchmarks.sweep FILE.yaml`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import run_command
from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.sweep import cluster, local, slurm
from benchmarks.sweep.display import Display
from benchmarks.sweep.file import read_sweep
from benchmarks.sweep.job import Executor, Job, Outcome
from benchmarks.sweep.plan import Plan, plan
from benchmarks.tables import formats, summaries
from benchmarks.tables.stored import Stored
from benchmarks.training.progress import interruptible


@dataclass(frozen=True)
class Arguments:
    """Do all runs that a YAML file asks for, each as a `python -m benchmarks.run` of its own, and compare them.

    Runs that are stored already are not done again, whoever did them; those that were stopped or killed go on from
    their checkpoints. One that fails never ends the others: it is listed with its reason, and the exit code is then 1.
    What the runs say is in OUTPUT/logs.

    The file has the keys preset, data and output (as the flags of benchmarks.run), settings (any other of its flags,
    e.g. train.images: 1000), and runs: a list of groups, each with quantizers (names, or all), bits, seeds, options (of
    the quantizers, or a list of such options) and settings. See results/sweeps/ for examples.
    """

    file: Annotated[Path, tyro.conf.Positional]
    """The YAML file."""
    workers: int | None = None
    """Runs at a time on this machine, which share its cores and GPUs. By default one for each GPU, or else core."""
    dry_run: bool = False
    """Do nothing: list the runs as commands, which are done and which are to do."""
    ray: str | None = None
    """Do the runs as tasks of Ray (extra ray): local starts it on this machine, auto takes the cluster that this one is
    part of, and so does any other address of Ray's. The machines share the folder and the Python environment."""
    slurm: Path | None = None
    """Do nothing: write a SLURM array script with a task for each run that is to do, for sbatch."""
    cpus_per_run: int = 1
    """Cores, and threads, of each run on Ray and SLURM."""
    gpus_per_run: float = 0
    """GPUs of each run on Ray and SLURM."""


def check(arguments: Arguments) -> None:
    """Raise UsageError where the flags cannot work."""
    for name in ("workers", "cpus_per_run"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} takes a number from 1, not {value}")
    if arguments.gpus_per_run < 0:
        raise UsageError(f"--gpus-per-run takes a number from 0, not {arguments.gpus_per_run}")
    if arguments.ray is not None and arguments.slurm is not None:
        raise UsageError("--ray does the runs and --slurm writes a script that does: give one of them")


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


def executor(arguments: Arguments) -> AbstractContextManager[Executor]:
    """What does the jobs: this machine's processes, or Ray."""
    environments = local.shares(arguments.workers)
    if arguments.ray is None:
        return nullcontext(partial(local.perform, environments))
    return cluster.executor(arguments.ray, len(environments), arguments.cpus_per_run, arguments.gpus_per_run)


def execute(arguments: Arguments, stages: Sequence[Sequence[Job]], errors: Console) -> list[Outcome]:
    """Do the jobs, stage after stage; what became of each, without those that a stop came before."""
    outcomes: list[Outcome] = []
    jobs = [job for stage in stages for job in stage]
    with executor(arguments) as perform, interruptible() as stop_requested, Display(jobs, errors) as display:
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
        formats.print_tables(built, console, [summaries.LEGEND, *stored.remarks])
    for folder in sorted({record.parent for record in done}):
        errors.print(f"records: {escape(str(folder))}")
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    for outcome in failed:
        errors.print(f"failed:  {escape(f'{outcome.job.name}: {outcome.reason}; see {outcome.job.log}')}")
    if failed:
        errors.print(f"{len(failed)} of {len(planned.jobs)} runs failed; the same command tries them again")
    return not failed


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is done, 1 when a run failed, 2 for a user's mistake, 130 when stopped."""
    console, errors = Console(), Console(stderr=True, soft_wrap=True)
    arguments = parse_flags(Arguments, "benchmarks.sweep", argv)
    try:
        check(arguments)
        file = read_sweep(arguments.file)
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
        outcomes = execute(arguments, stages, errors)
    except ValueError as error:
        for line in str(error).splitlines():
            errors.print(f"error: {escape(line)}")
        return 2
    except KeyboardInterrupt:
        errors.print("stopped; the same command goes on from the last checkpoints")
        os._exit(130)  # at once; the runs end with this process
    if len(outcomes) < len(to_do) or any(outcome.status == "stopped" for outcome in outcomes):
        errors.print("stopped; what was done is stored, and the same command goes on from there")
        return 130
    return 0 if show(planned, outcomes, console, errors) else 1


if __name__ == "__main__":
    run_command(main)
