"""What `python -m benchmarks.generate` does with its arguments."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.usage import UsageError
from benchmarks.data.machine import warn_of_crowding
from benchmarks.generate import experiment
from benchmarks.generate.arguments import Arguments
from benchmarks.generate.canvas import canvas_path, grid_of, make, require_canvas
from benchmarks.generate.job import Job
from benchmarks.generate.opening import open_both, open_job
from benchmarks.generate.progress import sampling_bar
from benchmarks.metrics.codes import has_codebook
from benchmarks.metrics.weights import MetricWeights
from benchmarks.records.files import if_stored
from benchmarks.records.priors import Generation, remark
from benchmarks.records.texture import read_canvas
from benchmarks.tables.columns import GENERATION
from benchmarks.tables.formats import Cell, Titled, print_tables
from benchmarks.tables.generated import changed
from benchmarks.training.in_step import in_step
from benchmarks.training.loop import TrainingError, TrainingStopped, make_accelerator
from benchmarks.training.progress import interruptible, training_bar
from benchmarks.training.trained import find_runs, trained_prior
from priors import Prior, SamplingStopped


def find_jobs(arguments: Arguments, accelerator: Accelerator, errors: Console) -> list[Job]:
    """The jobs on all runs that have codes.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    found = find_runs(arguments.run, errors)
    runs = [(path, run) for path, run in found if has_codebook(run.quantizer)]
    if not runs:
        raise UsageError(f"{found[0][0]}: {found[0][1].quantizer.name} has no codebook, so there is nothing to model")
    if accelerator.num_processes > 1 and len(runs) > 1:
        raise UsageError(f"{len(runs)} stored runs, and several processes train one prior at a time: name one of them")
    open_data = lru_cache(maxsize=1)(open_both)  # runs on the same data follow one another
    jobs = [open_job(path, run, arguments, accelerator.device, open_data) for path, run in runs]
    if arguments.extent is not None:
        for job in jobs:
            require_canvas(job, arguments.extent)
    return jobs


def folders_of_items(png: Path | None, jobs: Sequence[Job]) -> list[Path | None]:
    """Where the single pictures or sounds of each job go.

    Raises:
        UsageError: other files lie there, which would be taken for those of this sampling.
    """
    if png is None:
        return [None] * len(jobs)
    folders = [png / job.run.id if len(jobs) > 1 else png for job in jobs]
    for folder, job in zip(folders, jobs, strict=True):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--png {folder}: a file, where a folder is to be; name another")
        there = {path.name for path in folder.glob("[!.]*")}
        others = sorted(there - set(job.item_files()))
        others += [name for name in sorted(there)[:1] if job.signal.about_item(folder / name) != job.about]
        if others:
            raise UsageError(f"--png {folder}: {others[0]}, of something else, lies there; name a new or empty folder")
    return [*folders]


def show(found: Sequence[Generation], console: Console) -> None:
    """What was measured of each prior and of its pictures."""
    rows = [of.numbers for of in found]
    columns = [column for column in GENERATION if any(row.get(column.name) is not None for row in rows)]
    names = [f"{of.prior.tokenizer} {changed(of.sampling.changes) if of.sampling else ''}".strip() for of in found]
    cells = pd.DataFrame({"tokenizer": [Cell(name) for name in names]})
    for column in columns:
        numbers = [row.get(column.name) for row in rows]
        cells[column.heading] = [Cell("–" if value is None else column.style.format(value)) for value in numbers]
    print_tables([Titled("priors", cells)], console, remark(found))


def prior_of(job: Job, arguments: Arguments, accelerator: Accelerator, console: Console) -> Prior | None:
    """The prior, from its file where it is stored, otherwise trained; None on all processes but the first.

    Raises:
        TrainingStopped: the user asked to stop.
        TrainingError, ValueError, OSError: it cannot be had.
    """
    known = None if arguments.force else next((of.prior for of in job.stored()), None)
    weights = job.path.with_suffix(".safetensors")
    if broadcast_object_list([known is not None and weights.is_file()])[0]:  # the first process decides for all
        console.print(f"{escape(job.name)}: drawing from the stored {escape(str(job.path))}", soft_wrap=True)
        if known is None or not accelerator.is_main_process:
            return None
        return trained_prior(job.path, known, job.encoder.tokenizer).to(accelerator.device)
    if known is not None:
        console.print(f"{escape(job.name)}: {escape(str(weights))} is not there; training it again", soft_wrap=True)
    steps = job.settings.train.steps
    with training_bar(job.name, steps, job.signal.crops, ("loss",), console) as bar, interruptible() as stop_requested:
        prior = experiment.train(
            job,
            accelerator,
            arguments.checkpoint_every,
            arguments.log,
            bar.start,
            bar.progress,
            bar.stage,
            stop_requested,
        )
    if prior is not None:
        console.print(f"prior: {escape(str(job.path))}", soft_wrap=True)
    return prior


def perform(
    job: Job,
    arguments: Arguments,
    png: Path | None,
    weights: MetricWeights,
    accelerator: Accelerator,
    console: Console,
) -> None:
    """Do one job, as far as it is not done; raises as `prior_of`, and SamplingStopped."""
    done = broadcast_object_list([None if arguments.force else job.sampling()])[0]
    if done is not None:
        file = job.run_path.with_name(f"{done.id}.json")
        console.print(f"{escape(job.name)}: done already, see {escape(str(file))}", soft_wrap=True)
        if png is None:
            return
    prior = prior_of(job, arguments, accelerator, console)
    if prior is None:
        return
    with (
        sampling_bar(job.name, job.generation.count, job.signal.noun, console) as bar,
        interruptible() as stop_requested,
    ):
        if done is not None:
            deque(experiment.draw(job, prior, png, bar.drawn, stop_requested), maxlen=0)
        else:
            experiment.sample(job, prior, weights, png, bar.drawn, bar.stage, stop_requested)
    if png is not None:
        console.print(f"{job.signal.noun}: {job.generation.count} in {escape(str(png))}", soft_wrap=True)
    if done is None:
        for kind, suffix in ((job.signal.noun, ".png"), ("record: ", ".json")):
            console.print(f"{kind} {escape(str(job.sampling_path.with_suffix(suffix)))}", soft_wrap=True)


def perform_canvas(
    job: Job, extent: tuple[int, int], arguments: Arguments, accelerator: Accelerator, console: Console
) -> None:
    """Draw the canvas, unless it is stored; raises as `perform`."""
    path = canvas_path(job, extent)
    done = broadcast_object_list([None if arguments.force else if_stored(path, read_canvas)])[0]
    if done is None:
        prior = prior_of(job, arguments, accelerator, console)
        if prior is None:
            return
        height, width = grid_of(job, extent)
        with sampling_bar(job.name, height * width, "codes", console) as bar, interruptible() as stop_requested:
            done = make(job, prior, extent, lambda *_: bar.drawn(1), stop_requested)
    for name, value in done.metrics.items():
        console.print(f"{name}: {'–' if value is None else f'{value:.4g}'}", highlight=False)
    console.print(f"canvas: {escape(str(path.with_suffix('.png')))}", soft_wrap=True)


def execute(
    jobs: Sequence[Job],
    arguments: Arguments,
    weights: MetricWeights,
    accelerator: Accelerator,
    console: Console,
    errors: Console,
) -> int:
    """Do the jobs; 0 when all are done, 1 when one failed, 130 when the user stopped them."""
    if accelerator.device.type == "cpu":
        warn_of_crowding(torch.get_num_threads(), "set OMP_NUM_THREADS=1", errors)
    found: list[Generation] = []
    failed = 0
    for job, png in zip(jobs, folders_of_items(arguments.png, jobs), strict=True):
        try:
            if arguments.extent is None:
                perform(job, arguments, png, weights, accelerator, console)
            else:
                perform_canvas(job, arguments.extent, arguments, accelerator, console)
        except (TrainingError, ValueError, OSError) as error:
            failed += 1
            errors.print(f"error: {escape(f'{job.name}: {error}')}")
        except TrainingStopped as stopped:
            errors.print(f"{escape(job.name)}: {stopped}; the same command goes on from there")
            return 130
        except SamplingStopped as stopped:
            errors.print(f"{escape(job.name)}: {stopped}; the prior is stored, and the same command draws again")
            return 130
        else:
            if accelerator.is_main_process and arguments.extent is None:
                found += [of for of in job.stored() if of.sampling and of.sampling.settings == job.drawn]
    if found:
        show(found, console)
    return 1 if failed else 0


def generate(arguments: Arguments, console: Console, errors: Console) -> int:
    """Train, draw, measure and show: 0 when all is done, 1 when one failed, 130 when stopped.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    accelerator = make_accelerator(arguments.train, arguments.cpu)
    console.quiet = errors.quiet = not accelerator.is_main_process
    arguments.train.part(accelerator.num_processes)
    weights = MetricWeights.find(inception=arguments.inception)
    jobs = in_step("the stored runs", partial(find_jobs, arguments, accelerator, errors))
    return execute(jobs, arguments, weights, accelerator, console, errors)
