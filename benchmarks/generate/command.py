"""What `python -m benchmarks.generate` does with its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import torch
from accelerate import Accelerator
from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.usage import UsageError
from benchmarks.data.machine import warn_of_crowding
from benchmarks.generate.arguments import Arguments
from benchmarks.generate.experiment import perform
from benchmarks.generate.job import Job, open_job
from benchmarks.metrics.codes import has_codebook
from benchmarks.metrics.weights import MetricWeights
from benchmarks.records.files import if_stored
from benchmarks.records.generation import Generation, read_generation, remark
from benchmarks.tables.columns import GENERATION
from benchmarks.tables.formats import Cell, Titled, print_tables
from benchmarks.training.in_step import in_step
from benchmarks.training.loop import TrainingError, TrainingStopped, make_accelerator
from benchmarks.training.progress import interruptible, training_bar
from benchmarks.training.trained import find_runs
from priors import SamplingStopped


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
    return [open_job(path, run, arguments, accelerator.device) for path, run in runs]


def show(records: Sequence[Generation], console: Console) -> None:
    """What was measured of each prior."""
    rows = [record.numbers for record in records]
    columns = [column for column in GENERATION if any(row.get(column.name) is not None for row in rows)]
    cells = pd.DataFrame({"tokenizer": [Cell(record.tokenizer) for record in records]})
    for column in columns:
        numbers = [row.get(column.name) for row in rows]
        cells[column.heading] = [Cell("–" if value is None else column.style.format(value)) for value in numbers]
    print_tables([Titled("priors", cells)], console, remark(records))


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
    records: list[Generation] = []
    failed = 0
    for job in jobs:
        record = None if arguments.force else if_stored(job.path, read_generation)
        if record is not None:
            console.print(f"{escape(job.name)}: done already, see {escape(str(job.path))}", soft_wrap=True)
            records.append(record)
            continue
        steps = job.settings.train.steps
        try:
            with training_bar(job.name, steps, ("loss",), console) as bar, interruptible() as stop_requested:
                record = perform(
                    job,
                    accelerator,
                    weights,
                    arguments.checkpoint_every,
                    arguments.log,
                    bar.start,
                    bar.progress,
                    bar.stage,
                    stop_requested,
                )
        except (TrainingError, ValueError, OSError) as error:
            failed += 1
            errors.print(f"error: {escape(f'{job.name}: {error}')}")
        except (TrainingStopped, SamplingStopped) as stopped:
            errors.print(f"{escape(job.name)}: {stopped}; the same command goes on from there")
            return 130
        if record is not None:
            records.append(record)
            for kind, suffix in (("pictures", ".png"), ("record: ", ".json")):
                console.print(f"{kind} {escape(str(job.path.with_suffix(suffix)))}", soft_wrap=True)
    if records:
        show(records, console)
    return 1 if failed else 0


def generate(arguments: Arguments, console: Console, errors: Console) -> int:
    """Train, measure and show: 0 when all is done, 1 when one failed, 130 when stopped.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    accelerator = make_accelerator(arguments.train, arguments.cpu)
    console.quiet = errors.quiet = not accelerator.is_main_process
    arguments.train.part(accelerator.num_processes)
    weights = MetricWeights.find(inception=arguments.inception)
    jobs = in_step("the stored runs", partial(find_jobs, arguments, accelerator, errors))
    return execute(jobs, arguments, weights, accelerator, console, errors)
