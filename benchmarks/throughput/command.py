"""What `python -m benchmarks.throughput` does with its arguments."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import torch
from accelerate import Accelerator
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from benchmarks.command_line.usage import UsageError, existing_paths
from benchmarks.data import training_batches
from benchmarks.data.machine import torch_threads
from benchmarks.records import baselines
from benchmarks.records.environment import environment
from benchmarks.records.files import write_model
from benchmarks.records.record import Record, iterate_records
from benchmarks.records.throughput import PROTOCOL, SCHEMA, Row, Throughput, path_for
from benchmarks.tables import comparable
from benchmarks.throughput.arguments import Arguments
from benchmarks.training.loop import make_accelerator
from benchmarks.training.models import build, make_tokenizer
from benchmarks.training.settings import RunConfig
from benchmarks.training.signals import SignalData, signal_of
from benchmarks.training.stored import configuration, open_own_data
from benchmarks.training.trainer import Trainer

ROUNDS, WARM_UP, STEPS = 3, 5, 15
"""Rounds over all methods; training steps of each before the clock starts, and those that are timed."""


Method = tuple[Path, Record]


def methods(paths: Sequence[Path], errors: Console) -> dict[str, dict[tuple[str, int], Method]]:
    """By settings, the first stored run of each row.

    Raises:
        UsageError: there is none.
    """
    problems: list[str] = []
    found: dict[str, dict[tuple[str, int], Method]] = {}
    for path, record in iterate_records(existing_paths(paths), problems):
        if not (record.is_run and record.of_pictures):  # of another table or program; runs on sounds say their speed
            continue
        key = comparable.label(record), comparable.asked_bits(record)
        found.setdefault(record.settings, {}).setdefault(key, (path, record))
    for problem in problems:
        errors.print(f"left out: {escape(problem)}")
    if not found:
        raise UsageError(
            f"no stored run on pictures in {', '.join(map(str, paths))}; make one with python -m benchmarks.run"
        )
    return found


def measure(run: RunConfig, data: SignalData, accelerator: Accelerator) -> dict[str, float | None]:
    """Speeds of one method, freshly built: of training steps in the middle of the training, when every loss is at work,
    then of the tokenizer that this has made."""
    train, trained = run.settings.train, None
    if run.quantizer in baselines.NAMES:
        model = build(run).to(accelerator.device).eval()
    else:
        trainer = Trainer(make_tokenizer(run), run.settings, run.seed, accelerator, run="throughput")
        trainer.step = train.steps // 2
        place = {"rank": accelerator.process_index, "world_size": accelerator.num_processes}
        batches = list(training_batches(data, train.batch_size, run.seed, trainer.step, WARM_UP + STEPS, **place))
        trainer.fit(iter(batches[:WARM_UP]))
        begin = _now(accelerator.device)
        trainer.fit(iter(batches[WARM_UP:]))
        trained = STEPS * train.batch_size / (_now(accelerator.device) - begin)
        model = trainer.evaluated()
        trainer.release()
    speeds = signal_of(run.settings).measure_speed(model, data, run.settings, accelerator.device)
    speeds.pop("batch_size", None)
    gc.collect()
    return {"train": trained, **speeds}


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def time_table(
    rows: dict[tuple[str, int], Method], cpu: bool, command: str, console: Console
) -> tuple[Path, Throughput]:
    """Time all methods of one table; returns where that belongs, too.

    Raises:
        UsageError: a run that this version cannot make again, or data that are not at hand.
    """
    runs = {key: configuration(path, record) for key, (path, record) in rows.items()}
    first_path, first = next(iter(rows.values()))
    settings = next(iter(runs.values())).settings
    data = open_own_data(first_path, first, settings.data)
    accelerator = make_accelerator(settings.train, cpu)
    found: dict[tuple[str, int], list[dict[str, float | None]]] = {key: [] for key in runs}
    order = list(runs)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(comparable.group_title(first)), total=ROUNDS * len(order))
        for turn in range(ROUNDS):
            for key in order:
                found[key].append(measure(runs[key], data, accelerator))
                bar.advance(task)
            order.reverse()  # so that a drift favours neither the first nor the last
            if bar.disable:
                console.print(f"round {turn + 1}/{ROUNDS} of {len(order)} methods")
    throughput = Throughput(
        schema_version=SCHEMA,
        protocol=PROTOCOL,
        settings=first.settings,
        rows=[Row(quantizer=name, rate=rate, rounds=rounds) for (name, rate), rounds in found.items()],
        environment=environment(accelerator.device),
        command=command,
        created=datetime.now(timezone.utc),
    )
    return path_for(first_path.parent, first.settings), throughput


def time_all(arguments: Arguments, command: str, console: Console, errors: Console) -> int:
    """Time all tables and store their speeds; 0 when all are there.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    with torch_threads(arguments.threads or torch.get_num_threads()):
        for rows in methods(arguments.paths, errors).values():
            path, throughput = time_table(rows, arguments.cpu, command, console)
            write_model(path, throughput)
            console.print(f"stored: {escape(str(path))}; python -m benchmarks.compare shows it", soft_wrap=True)
    return 0
