"""How far a sweep is: a bar for all runs and one for each that runs, or lines where there is no terminal.

What runs and where it is shows in the logs, which is the same wherever the runs are carried out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import TaskID

from benchmarks.command_line.bars import counting_bar
from benchmarks.sweep.job import Job, Outcome

STEP = re.compile(r"step (\d+)(?:/| of )(\d+)")
"""How benchmarks.run says where a training is."""
TAIL = 4096


def size(log: Path) -> int:
    """Bytes of a log; 0 where there is none."""
    return log.stat().st_size if log.exists() else 0


def step(log: Path) -> tuple[int, int] | None:
    """The step that a run is at, out of how many, as its log's last lines say."""
    with log.open("rb") as file:
        file.seek(max(0, size(log) - TAIL))
        text = file.read().decode(errors="replace").rpartition("$ python -m ")[2]  # of this attempt only
    found = STEP.findall(text)
    return (int(found[-1][0]), int(found[-1][1])) if found else None


class Display:
    """Shows the progress of jobs on a console while it is open."""

    def __init__(self, jobs: Sequence[Job], console: Console) -> None:
        self.console = console
        self.bars = counting_bar(console)
        self.all = self.bars.add_task("all runs", total=len(jobs))
        self.waiting = {job: size(job.log) for job in jobs}
        self.running: dict[Job, TaskID] = {}
        self.ended = 0

    def __enter__(self) -> Display:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.bars.stop()

    def look(self) -> None:
        """Show what has begun since, and where all are that run."""
        for job in [job for job, before in self.waiting.items() if size(job.log) != before]:
            del self.waiting[job]
            self.running[job] = self.bars.add_task(f"  {escape(job.name)}", total=None)
            if self.bars.disable:
                self._say(f"{job.name}: started")
        for job, bar in self.running.items():
            at = step(job.log)
            if at is not None:
                self.bars.update(bar, completed=at[0], total=at[1])

    def end(self, outcomes: Iterable[Outcome]) -> None:
        """Show what has become of jobs."""
        for outcome in outcomes:
            self.waiting.pop(outcome.job, None)
            if outcome.job in self.running:
                self.bars.remove_task(self.running.pop(outcome.job))
            if outcome.status != "stopped":
                self.ended += 1
                self.bars.update(self.all, completed=self.ended)
            if outcome.status == "failed":
                self._say(f"{outcome.job.name}: failed: {outcome.reason}")
            elif outcome.status == "done" and self.bars.disable:
                self._say(f"{outcome.job.name}: done, {self.ended} of {self.bars.tasks[0].total:.0f}")

    def _say(self, text: str) -> None:
        self.console.print(escape(text), highlight=False)
