"""Time the methods of stored runs against each other: `python -m benchmarks.throughput`."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import torch
import tyro
from accelerate import Accelerator
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from autoencoders import Tokenizer
from autoencoders.ranges import Parts
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import run_command
from benchmarks.command_line.usage import RUNS, UsageError, existing_paths
from benchmarks.data import Data, training_batches
from benchmarks.metrics.speed import measure_speed
from benchmarks.protocols.speed.measure import torch_threads
from benchmarks.records.environment import environment
from benchmarks.records.files import write_model
from benchmarks.records.record import Record, iterate_records
from benchmarks.records.throughput import PROTOCOL, SCHEMA, Row, Throughput, path_for
from benchmarks.records.values import as_command
from benchmarks.tables import comparable
from benchmarks.training import baselines
from benchmarks.training.loop import make_accelerator
from benchmarks.training.models import build, make_tokenizer
from benchmarks.training.settings import RunConfig
from benchmarks.training.stored import configuration, open_pictures
from benchmarks.training.trainer import Trainer

ROUNDS, WARM_UP, STEPS = 3, 5, 15
"""Rounds over all methods; training steps of each before the clock starts, and those that are timed."""

PICTURES = 32
"""Of the test set, in the batch that is encoded and decoded."""


@dataclass(frozen=True)
class Arguments:
    """Time the methods of stored runs against each other: training steps, encoding, quantizing and decoding, all
    methods of a table in turn, several rounds. Leave the machine alone meanwhile.

    The speeds of each table are stored in the folder of its runs, as throughput-SETTINGS.json, and stand in the tables
    from then on. Nothing of a stopped command is kept.
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (RUNS,)
    """Stored runs (JSON files), or folders of them; each row of their tables is timed once."""
    threads: Parts = field(default_factory=torch.get_num_threads)
    """CPU threads."""
    cpu: bool = False
    """Stay on the CPU where there is a GPU."""


Method = tuple[Path, Record]


def methods(paths: Sequence[Path], errors: Console) -> dict[str, dict[tuple[str, int], Method]]:
    """By settings, the first stored run of each row.

    Raises:
        UsageError: there is none.
    """
    problems: list[str] = []
    found: dict[str, dict[tuple[str, int], Method]] = {}
    for path, record in iterate_records(existing_paths(paths), problems):
        if not record.is_run:  # a tokenizer of another table, or of another program
            continue
        key = comparable.label(record), comparable.asked_bits(record)
        found.setdefault(record.settings, {}).setdefault(key, (path, record))
    for problem in problems:
        errors.print(f"left out: {escape(problem)}")
    if not found:
        raise UsageError(f"no stored run in {', '.join(map(str, paths))}; make one with python -m benchmarks.run")
    return found


def measure(run: RunConfig, data: Data, accelerator: Accelerator) -> dict[str, float | None]:
    """Speeds of one method, freshly built: of training steps in the middle of the training, when every loss is at work,
    then of the tokenizer that this has made."""
    tokenizer: Tokenizer
    train, trained = run.settings.train, None
    if run.quantizer in baselines.NAMES:
        tokenizer = build(run).to(accelerator.device).eval()
    else:
        trainer = Trainer(make_tokenizer(run), run.settings, run.seed, accelerator, run="throughput")
        trainer.step = train.steps // 2
        place = {"rank": accelerator.process_index, "world_size": accelerator.num_processes}
        batches = list(training_batches(data, train.batch_size, run.seed, trainer.step, WARM_UP + STEPS, **place))
        trainer.fit(iter(batches[:WARM_UP]))
        begin = _now(accelerator.device)
        trainer.fit(iter(batches[WARM_UP:]))
        trained = STEPS * train.batch_size / (_now(accelerator.device) - begin)
        tokenizer = trainer.evaluated()
        trainer.release()
    pictures = torch.stack([data.test[index] for index in range(min(len(data.test), PICTURES))])
    speeds = measure_speed(tokenizer, pictures, accelerator.device)
    del speeds["batch_size"]
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
        UsageError: a run that this version cannot make again, or pictures that are not at hand.
    """
    runs = {key: configuration(path, record) for key, (path, record) in rows.items()}
    first_path, first = next(iter(rows.values()))
    settings = next(iter(runs.values())).settings
    data = open_pictures(first_path, first, settings.data)
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


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all tables are timed, 2 for a user's mistake, 130 when stopped."""
    console, errors = Console(), Console(stderr=True, soft_wrap=True)
    arguments = parse_flags(Arguments, "benchmarks.throughput", argv)
    command = as_command("python", "-m", "benchmarks.throughput", *argv)
    try:
        with torch_threads(arguments.threads):
            for rows in methods(arguments.paths, errors).values():
                path, throughput = time_table(rows, arguments.cpu, command, console)
                write_model(path, throughput)
                console.print(f"stored: {escape(str(path))}; python -m benchmarks.compare shows it", soft_wrap=True)
    except ValueError as error:
        errors.print(f"error: {escape(str(error))}")
        return 2
    except KeyboardInterrupt:
        errors.print("stopped; nothing is kept of the table that was being timed")
        return 130
    return 0


if __name__ == "__main__":
    run_command(main)
