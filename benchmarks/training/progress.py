"""How the progress of a training is shown, and how the user stops it."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress as ProgressBar,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from benchmarks.training.loop import Progress


@contextmanager
def interruptible() -> Iterator[Any]:
    """A question, "was a stop asked for?": the first Ctrl-C or SIGTERM sets it, a second one ends at once."""
    asked = False

    def ask(number: int, frame: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class TrainingBar:
    """A progress bar, or a line now and then where the output is no terminal.

    Attributes:
        name: What is trained.
        steps: How many there are.
        items: What is trained on, as the speed counts them.
        shown: Which values stand beside the bar, in this order, as far as there are any.
    """

    name: str
    steps: int
    items: str
    shown: Sequence[str]
    console: Console
    bar: ProgressBar
    task: TaskID
    spoken: int = field(default=0, init=False)

    def start(self, step: int) -> None:
        """The training begins at a step, after a stop a later one."""
        if step:
            self.console.print(f"{escape(self.name)}: going on from step {step} of {self.steps}")
        self.bar.update(self.task, completed=step)

    def progress(self, now: Progress) -> None:
        """So far it is."""
        values = " ".join(f"{name} {now.values[name]:.4g}" for name in self.shown if name in now.values)
        text = f"{values} {now.images_per_second:.0f} {self.items}/s"
        self.bar.update(self.task, completed=now.step, values=text)
        if self.bar.disable and now.step * 10 // self.steps > self.spoken:
            self.spoken = now.step * 10 // self.steps
            self.console.print(f"{escape(self.name)}: step {now.step}/{self.steps} {text}")

    def stage(self, name: str) -> None:
        """What is done after the training."""
        self.bar.update(self.task, values=name)


@contextmanager
def training_bar(name: str, steps: int, items: str, shown: Sequence[str], console: Console) -> Iterator[TrainingBar]:
    """Show a `TrainingBar` for a while."""
    bar = ProgressBar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[values]}"),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(escape(name), total=steps, values="")
        yield TrainingBar(name, steps, items, shown, console, bar, task)
        bar.update(task, completed=steps, values="done")
