"""The runs of one command: everything is checked before the first starts, then they are done one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.usage import require_writable
from benchmarks.data.machine import warn_of_crowding
from benchmarks.metrics.fvd import VideoFeatures
from benchmarks.metrics.weights import MetricWeights
from benchmarks.records.record import Record
from benchmarks.training.arguments import Arguments
from benchmarks.training.execution import Execution
from benchmarks.training.experiment import find_done, perform_with_bar
from benchmarks.training.in_step import in_turn
from benchmarks.training.loop import TrainingError, TrainingStopped, make_accelerator
from benchmarks.training.planning import plan, require_memory
from benchmarks.training.resolved import ResolvedRun, resolve
from benchmarks.training.settings import describe
from benchmarks.training.signals import signal_of
from benchmarks.training.stored import require_same
from benchmarks.training.tracking.names import require_trackers
from storage.checkpoint import CheckpointError


class Done(NamedTuple):
    """What came of the runs.

    Attributes:
        records: Of those that are done, in their order; none once the user has stopped.
        paths: Where these are stored.
        code: 0 when all are done, 1 when one failed, 130 when the user stopped them.
    """

    records: Sequence[Record]
    paths: Sequence[Path]
    code: int


def prepare(arguments: Arguments) -> tuple[list[ResolvedRun], Execution]:
    """The runs; everything that can be found wrong with what was asked for is found here, before the first run starts.

    Raises:
        ValueError: a mistake of the user's, in a sentence (DataError and UsageError are of this kind).
    """
    runs = plan(arguments)
    require_trackers(arguments.log)
    require_writable(arguments.output)
    weights = MetricWeights.find(inception=arguments.inception, lpips_backbone=arguments.lpips_backbone)
    features = None if arguments.i3d is None else VideoFeatures(arguments.i3d)
    accelerator = make_accelerator(arguments.train, arguments.cpu)
    settings = runs[0].settings
    require_memory(settings, accelerator)
    signal = signal_of(settings)
    _, notes = signal.choose_loss(arguments.loss, arguments.lpips_backbone_of_loss)
    data = in_turn(f"the {signal.noun}", partial(signal.open, settings.data), accelerator)
    resolved = [resolve(run, data, arguments.output) for run in runs]
    if not arguments.force:
        for run in resolved:
            if (known := find_done(run.path, accelerator)) is not None:
                require_same(known, run)
    execution = Execution(
        accelerator, weights, arguments.checkpoint_every, arguments.eval_batch_size, notes, arguments.log, features
    )
    return resolved, execution


def execute(
    runs: Sequence[ResolvedRun], execution: Execution, console: Console, errors: Console, *, force: bool
) -> Done:
    """Do the runs on their data, one after the other; one that fails does not end the others.

    Args:
        force: Do those again that are stored already.
    """
    accelerator = execution.accelerator
    console.quiet = errors.quiet = not accelerator.is_main_process
    console.print(escape(runs[0].data.words), soft_wrap=True, highlight=False)
    if accelerator.device.type == "cpu":
        warn_of_crowding(torch.get_num_threads(), "set OMP_NUM_THREADS=1", errors)
    records: list[Record] = []
    paths: list[Path] = []
    failures = 0
    for run in runs:
        name = describe(run.asked)
        record = None if force else find_done(run.path, accelerator)
        if record is not None:
            console.print(f"{escape(name)}: done already, see {escape(str(run.path))}", soft_wrap=True)
        else:
            try:
                record = perform_with_bar(run, execution, console)
            except (TrainingError, CheckpointError) as error:
                failures += 1
                errors.print(f"error: {escape(f'{name}: {error}')}", soft_wrap=True)
                continue
            except TrainingStopped as stopped:
                errors.print(f"{escape(name)}: {stopped}; the same command goes on from there", soft_wrap=True)
                return Done([], [], 130)
        records.append(record)
        paths.append(run.path)
    if failures:
        errors.print(f"{failures} of {len(runs)} runs failed; the others are stored")
    return Done(records, paths, 1 if failures else 0)
