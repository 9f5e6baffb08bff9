"""`pytest --benchmark-only`: each work, competitor and number of threads is a test; one table at the end shows all."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

import jaxtyping
import pytest
import torch
from rich.console import Console

from benchmarks.protocols.speed import catalogue
from benchmarks.protocols.speed.measure import group_of
from benchmarks.protocols.speed.work import Work
from benchmarks.records.speed import Group
from benchmarks.tables.speed import terminal_tables

WORKS = [work for work in catalogue.works() if not work.long]


@dataclass
class Timings:
    """What the tests of one work on one number of threads have measured, by competitor."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    peaks: dict[str, float | None] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def group(self, work: Work) -> Group:
        one_round = {name: [[median(seconds)]] for name, seconds in self.seconds.items()}  # they took no turns
        return group_of(work, one_round, self.peaks, self.skipped)


Board = dict[tuple[str, int], Timings]
BOARD = pytest.StashKey[Board]()
STARTS = pytest.StashKey[dict[str, float]]()
"""Median seconds of processes, by what they do."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[BOARD] = {}
    config.stash[STARTS] = {}


def pytest_collection_finish(session: pytest.Session) -> None:
    plugin = session.config.pluginmanager.get_plugin("pytest-benchmark")
    if plugin is not None and not (plugin.verbose or plugin.histogram):
        plugin.quiet = True  # its own tables, one for each group, have none of our columns


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "competitor" not in metafunc.fixturenames:
        return
    counts = metafunc.config.getoption("--threads") or sorted({1, torch.get_num_threads()})
    cases = [
        pytest.param(work, competitor, threads, id=f"{work.slug}-{threads}threads-{competitor.name}")
        for work in WORKS
        for threads in dict.fromkeys(counts)
        for competitor in work.competitors
    ]
    metafunc.parametrize(("work", "competitor", "threads"), cases)


@pytest.fixture(autouse=True)
def _shapes_unchecked(_shapes_checked: None) -> Iterator[None]:
    """Nobody runs the quantizers with shape checks, so they are not timed with them."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def device(pytestconfig: pytest.Config) -> torch.device:
    return torch.device(pytestconfig.getoption("--device"))


@pytest.fixture
def timings(pytestconfig: pytest.Config, work: Work, threads: int) -> Timings:
    return pytestconfig.stash[BOARD].setdefault((work.name, threads), Timings())


@pytest.fixture
def starts(pytestconfig: pytest.Config) -> dict[str, float]:
    return pytestconfig.stash[STARTS]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if starts := config.stash[STARTS]:
        first = next(iter(starts.values()))
        terminalreporter.section("start: median seconds of a process, and over the first line's")
        for name, seconds in starts.items():
            terminalreporter.write_line(f"{name:36} {seconds:6.2f} {seconds / first:6.2f}")
    groups: dict[int, list[Group]] = {}
    for work in WORKS:
        for (name, threads), timings in config.stash[BOARD].items():
            if name == work.name and timings.seconds:
                groups.setdefault(threads, []).append(timings.group(work))
    if not groups:
        return
    device = config.getoption("--device")
    goals = {work.name: work.goals for work in WORKS}
    terminalreporter.section(f"speed on {device}: median of a call, and over that of each group's first line")
    console = Console(
        file=io.StringIO(),
        width=max(140, shutil.get_terminal_size().columns),
        force_terminal=terminalreporter.hasmarkup,
        highlight=False,
    )
    for table in terminal_tables(groups, goals, device):
        console.print(table, "", sep="\n")
    terminalreporter.write(console.file.getvalue())
