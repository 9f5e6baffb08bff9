"""How the drawing of pictures is shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


@dataclass
class SamplingBar:
    """A progress bar, or a line for each tenth of the pictures where the output is no terminal."""

    name: str
    count: int
    console: Console
    bar: Progress
    task: TaskID
    done: int = field(default=0, init=False)

    def drawn(self, pictures: int) -> None:
        """So many more are done."""
        before, self.done = self.done, self.done + pictures
        self.bar.update(self.task, completed=self.done)
        if self.bar.disable and self.done * 10 // self.count > before * 10 // self.count:
            self.console.print(f"{escape(self.name)}: drawn {self.done}/{self.count}")

    def stage(self, name: str) -> None:
        """What is done after that."""
        self.bar.update(self.task, values=name)


@contextmanager
def sampling_bar(name: str, count: int, console: Console, items: str = "pictures") -> Iterator[SamplingBar]:
    """Show a `SamplingBar` for a while, of pictures or other items."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    values = TextColumn("{task.fields[values]}")
    with Progress(*columns, values, console=console, disable=not console.is_terminal) as bar:
        yield SamplingBar(name, count, console, bar, bar.add_task(escape(name), total=count, values=items))
