"""What `python -m benchmarks.compress measure` does with its arguments."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.bars import counting_bar
from benchmarks.command_line.usage import require_writable
from benchmarks.compress.arguments import Measure
from benchmarks.compress.choice import measured
from benchmarks.compress.jobs import Job, codecs_of, plan
from benchmarks.compress.measured import Items, MeasuredSignal
from benchmarks.compress.show import require_readme, show_files
from benchmarks.protocols.compression.fidelity import Coder, Fidelity
from benchmarks.protocols.compression.measure import coded, means, peak_memory
from benchmarks.protocols.compression.samples import Arrays
from benchmarks.records.arrays import read_arrays
from benchmarks.records.compression import (
    PROTOCOL,
    SCHEMA,
    Compression,
    Point,
    read_compression,
    write_compression,
)
from benchmarks.records.environment import environment
from benchmarks.records.files import RecordError, if_stored
from benchmarks.training.loop import make_accelerator
from benchmarks.training.settings import TrainConfig
from benchmarks.training.trained import find_runs


def measure(arguments: Measure, console: Console, errors: Console) -> int:
    """Measure what is not stored yet, and show all that was asked for: 0.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    arguments.check()
    require_readme(arguments)
    require_writable(arguments.output)
    runs = find_runs(arguments.run, errors) if arguments.run else []
    signal = measured(runs)
    codecs_of(signal, arguments.codec)  # a mistake in them is said before anything is read
    fidelity = signal.fidelity(arguments.lpips_backbone, make_accelerator(TrainConfig(), arguments.cpu).device)
    items = signal.open(str(arguments.data), arguments.limit, arguments.root, errors)
    jobs = plan(signal, arguments, runs, items, errors)
    measurements = [Measurement(job, signal, items, fidelity, arguments.force) for job in jobs]
    execute(measurements, errors)
    return show_files([job.path for job in jobs], arguments, console, errors)


def execute(measurements: Sequence[Measurement], console: Console) -> None:
    """Measure each point that is not stored, under a progress bar, or with a line for each where there is no terminal;
    each is stored when all items are through."""
    left = sum(len(measurement.todo) for measurement in measurements)
    total = sum(len(measurement.job.points) for measurement in measurements)
    if left < total:
        console.print(f"{total - left} of {total} rates are measured already", highlight=False)
    with counting_bar(console) as bar:
        task = bar.add_task("compression", total=sum(of.items_left for of in measurements))
        for measurement in measurements:
            for name in measurement.todo:
                bar.update(task, description=escape(f"{measurement.heading}, {name}"))
                point = measurement.measure(name, lambda: bar.advance(task))
                if bar.disable:
                    line = f"{measurement.heading}, {name}: {measurement.signal.in_words(point.metrics)}"
                    console.print(escape(line), highlight=False, soft_wrap=True)
            measurement.finish()


class Measurement:
    """One job's record while it grows, a point at a time.

    Attributes:
        heading: what the screen calls it.
        todo: names of the points that are not stored.
        items_left: how many are to be coded for these.
    """

    def __init__(self, job: Job, signal: MeasuredSignal, items: Items, fidelity: Fidelity[Any], force: bool) -> None:
        self.job, self.signal, self.items, self.fidelity = job, signal, items, fidelity
        self.record = Compression(
            schema_version=SCHEMA,
            protocol=PROTOCOL,
            id=job.path.stem,
            coder=job.coder,
            points=(),
            missing=fidelity.missing,
            signal=signal.name,
            data=items.record,
            samples=(),
            environment=environment(fidelity.device),
            command=job.command,
            created=datetime.now(timezone.utc),
            wall_seconds=0.0,
        )
        self.arrays: Arrays = {}
        if not force:
            self._resume()
        self.heading = self.record.heading
        self.todo = [name for name in job.points if self.record.point(name) is None]
        self.items_left = len(self.todo) * len(items)

    def _resume(self) -> None:
        """From what is stored, if it is whole: a damaged file is measured again."""
        stored = if_stored(self.job.path, read_compression)
        if stored is None:
            return
        try:
            arrays = read_arrays(self.job.path)
        except RecordError:
            return
        if arrays:
            self.record, self.arrays = stored, arrays

    def measure(self, name: str, advance: Callable[[], object]) -> Point:
        """Measure one point on all items, and store it."""
        begin = time.perf_counter()
        setting = self.job.points[name]
        coder = self.job.at(setting)
        memory = peak_memory(coder, self.items[0], self.fidelity)  # and a first use, which takes longer
        numbers = self._all(coder, advance)
        metrics, missing = means(numbers, self.fidelity.mean)
        point = Point(name=name, setting=setting, metrics={**metrics, "peak_memory_megabytes": memory})
        done = {each.name: each for each in (*self.record.points, point)}
        self.arrays |= {f"{name}/{metric}": values for metric, values in numbers.items()}
        self._store(
            begin,
            points=tuple(done[each] for each in self.job.points if each in done),
            missing={**self.record.missing, **missing},
        )
        return point

    @torch.no_grad()
    def _all(self, coder: Coder[Any], advance: Callable[[], object]) -> dict[str, np.ndarray]:
        rows = []
        for place in range(len(self.items)):
            item = self.items[place]
            rows.append({**coded(coder, item, self.fidelity), **self.job.more(coder, item)})
            advance()
        return {metric: np.array([row[metric] for row in rows]) for metric in rows[0]}

    @torch.no_grad()
    def finish(self) -> None:
        """Keep what is to be shown, where there are none yet."""
        if not self.record.samples:
            begin = time.perf_counter()
            samples, arrays = self.job.samples(self.items)
            if samples:
                self.arrays |= arrays
                self._store(begin, samples=samples)

    def _store(self, begin: float, **changes: object) -> None:
        seconds = self.record.wall_seconds + time.perf_counter() - begin
        self.record = self.record.model_copy(update={**changes, "wall_seconds": round(seconds, 3)})
        write_compression(self.job.path, self.record, self.arrays)
