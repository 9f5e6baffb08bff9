"""Groups as tables: long for a terminal, one line per work for the README."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from rich import box
from rich.markup import escape
from rich.table import Table

from benchmarks.protocols.speed.goals import GOAL_DEVICE, GOAL_THREADS, Goal, missed_goals, verdict
from benchmarks.protocols.speed.names import (
    DIFFUSERS,
    FAISS,
    NAIVE,
    OURS,
    OVER_ROWS,
    TRANSFORMERS,
    VECTOR_QUANTIZE,
    family,
)
from benchmarks.records.speed import PROTOCOL, Group, Result, SpeedRun, Spread, spread_of_ratios

Goals = Mapping[str, Sequence[Goal]]
"""Work's name -> its goals."""

FAMILIES = (VECTOR_QUANTIZE, FAISS, TRANSFORMERS, DIFFUSERS, NAIVE)

TEXT_COLUMNS = ("work", "codebook", "quantizer", "goal", "goal missed", "where it goes (calls)")

NAME_WIDTH = len(VECTOR_QUANTIZE)


def significant(value: float) -> str:
    """Three significant digits, never with an exponent."""
    digits = 2 - math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:,.{max(0, digits)}f}"


def with_prefix(value: float) -> str:
    """A large number with k, M or G."""
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{significant(value / factor)} {prefix}"
    return significant(value)


def _megabytes(peak: float | None) -> str:
    return "–" if peak is None else significant(peak / 1e6) if peak >= 1e5 else "0"


def terminal_tables(groups: Mapping[int, Sequence[Group]], goals: Goals, device: str) -> list[Table]:
    """A table for each work: its competitors, side by side for each number of threads.

    Args:
        groups: number of threads -> what was measured on them.
        goals: shown with their verdicts where the groups have the device and threads that they hold for.
        device: that all were measured on.
    """
    by_work = {threads: {group.work: group for group in part} for threads, part in groups.items()}
    tables = []
    for work in dict.fromkeys(work for part in by_work.values() for work in part):
        here = {threads: part.get(work) for threads, part in by_work.items()}
        judged = here.get(GOAL_THREADS) if device == GOAL_DEVICE else None
        verdicts: dict[str, list[str]] = {}
        for goal in goals.get(work, ()):
            if judged is not None:
                verdicts.setdefault(goal.competitor, []).append(verdict(goal, judged))
        tables.append(_terminal_table(work, here, verdicts))
    return tables


def _terminal_table(work: str, groups: Mapping[int, Group | None], verdicts: Mapping[str, Sequence[str]]) -> Table:
    measured = [group for group in groups.values() if group is not None]
    reference = measured[0].results[0].competitor
    table = Table(
        title=f"[bold]{escape(work)}[/]",
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )
    table.add_column("", no_wrap=True, min_width=NAME_WIDTH)
    for threads in groups:
        table.add_column(f"ms, {threads} thr", justify="right", no_wrap=True, min_width=9)
        table.add_column(f"× {reference}", justify="right", no_wrap=True, min_width=6)
        table.add_column("codes/s", justify="right", no_wrap=True, min_width=7)
    table.add_column("peak MB", justify="right", no_wrap=True, min_width=7)
    table.add_column("goal" if verdicts else "")
    for name in dict.fromkeys(result.competitor for group in measured for result in group.results):
        results = [group.result(name) if group else None for group in groups.values()]
        peaks = [result.peak_bytes for result in results if result is not None]
        cells = [cell for result in results for cell in _cells(result)]
        table.add_row(escape(name), *cells, _megabytes(peaks[-1]), escape("; ".join(verdicts.get(name, ()))))
    for name, reason in {name: reason for group in measured for name, reason in group.skipped.items()}.items():
        table.add_row(escape(name), *[""] * (3 * len(groups) + 1), escape(reason))
    return table


def _cells(result: Result | None) -> list[str]:
    if result is None:
        return ["", "", ""]
    return [
        significant(1e3 * result.median_seconds),
        significant(result.ratio.median),
        with_prefix(result.codes_per_second),
    ]


def title(run: SpeedRun) -> str:
    """What all numbers of a run share."""
    conditions = run.conditions
    environment = conditions.environment
    place = environment.processor if conditions.device == "cpu" else environment.device
    versions = ", ".join(f"{name} {version}" for name, version in conditions.packages.items())
    processes = min((group.processes for group in run.groups), default=0)
    return (
        f"{place} · {conditions.threads} threads · float32 · protocol {run.protocol}{' · quick' * conditions.quick} · "
        f"{processes} process{'es' * (processes > 1)} · "
        f"torch {environment.torch}, {versions}"
    )


def _has_goals(run: SpeedRun) -> bool:
    conditions = run.conditions
    return (conditions.device, conditions.threads, run.protocol) == (GOAL_DEVICE, GOAL_THREADS, PROTOCOL)


def missed_markdown(run: SpeedRun, goals: Goals) -> str:
    """The goals that a run misses, with the operators that our time goes to there."""
    missed = (
        {group.work: missed_goals(goals.get(group.work, ()), group) for group in run.groups} if _has_goals(run) else {}
    )
    rows = [
        {
            "work": group.work,
            "goal missed": "<br>".join(f"{goal.competitor}: {verdict(goal, group)}" for goal in missed[group.work]),
            "ours, ms": significant(1e3 * group.results[0].median_seconds),
            "where it goes (calls)": ", ".join(
                f"`{each.name}` {each.share:.0%} ({each.calls:.3g})" for each in group.operators
            ),
        }
        for group in run.groups
        if missed.get(group.work)
    ]
    return f"**{title(run)}**\n\n{_table(rows) if rows else 'No goal is missed.'}\n"


def markdown(run: SpeedRun, goals: Goals) -> str:
    """The works of a run that have an own implementation for reference, one line each, searches over N a line for all
    numbers of rows, then the groups that have none.

    Ratios carry the least and the largest of single processes, of those over N the worst.
    """
    goals = goals if _has_goals(run) else {}
    over_rows = [group for group in run.groups if group.kind == OVER_ROWS]
    compared = [group for group in run.groups if group.results[0].competitor == OURS and group not in over_rows]
    there = {family(result.competitor) for group in compared for result in group.results}
    families = [name for name in FAMILIES if name in there]
    rows = [_row(group, families, goals.get(group.work, ())) for group in compared]
    parts = [f"**{title(run)}**", *([_table(rows)] if rows else [])]
    if over_rows:
        parts += ["**exact search over N: our time over faiss's**", _table(_rows_over_n(over_rows, goals))]
    for group in run.groups:
        if group.results[0].competitor != OURS:
            parts += [
                f"**{group.work}**",
                _table([_own_row(result, group.results[0].competitor) for result in group.results]),
            ]
    return "\n\n".join(parts) + "\n"


def _row(group: Group, families: Sequence[str], goals: Sequence[Goal]) -> dict[str, str]:
    ours = group.results[0]
    fastest = {
        name: min(
            (result for result in group.results if family(result.competitor) == name),
            key=lambda result: result.median_seconds,
            default=None,
        )
        for name in families
    }
    peers = [result for name, result in fastest.items() if result is not None and name != NAIVE]
    return {
        "work": group.work,
        "ours, ms": significant(1e3 * ours.median_seconds),
        **{f"{name}, × ours": "–" if result is None else _ratio(result.ratio) for name, result in fastest.items()},
        "ours, MB": _megabytes(ours.peak_bytes),
        "peer, MB": _megabytes(peers[0].peak_bytes) if peers else "–",
        "goal": "<br>".join(f"{goal.competitor}: {verdict(goal, group)}" for goal in goals),
    }


def _rows_over_n(groups: Sequence[Group], goals: Goals) -> list[dict[str, str]]:
    """A line for each shape of a codebook and each search of ours: the ratio at every number of rows, and the one with
    the worst process, which the goal of the first is for."""
    shapes: dict[tuple[int, int, str], list[tuple[Group, Spread]]] = {}
    for group in groups:
        faiss = group.result(FAISS)
        for result in group.results:
            if faiss is not None and family(result.competitor) == OURS:
                shape = group.sizes["D"], group.sizes["K"], result.competitor
                shapes.setdefault(shape, []).append((group, spread_of_ratios(result.seconds, faiss.seconds)))
    rows = []
    for (dim, size, name), part in sorted(shapes.items(), key=lambda item: item[0][2] != OURS):
        worst, most = max(part, key=lambda item: item[1].high)
        asked = goals.get(worst.work, ()) if name == OURS else ()
        rows.append(
            {
                "codebook": f"D={dim} K={size:,}{name.removeprefix(OURS)}",
                **{f"N={group.sizes['N']:,}": significant(ratio.median) for group, ratio in part},
                "worst": _ratio(most),
                "goal": "<br>".join(verdict(goal, worst) for goal in asked),
            }
        )
    return rows


def _own_row(result: Result, reference: str) -> dict[str, str]:
    return {
        "quantizer": result.competitor,
        "ms": significant(1e3 * result.median_seconds),
        f"× {reference}": _ratio(result.ratio),
        "MB": _megabytes(result.peak_bytes),
        "codes/s": with_prefix(result.codes_per_second),
    }


def _ratio(ratio: Spread) -> str:
    return f"{significant(ratio.median)} ({significant(ratio.low)}–{significant(ratio.high)})"


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    frame = pd.DataFrame(rows)
    align = ["left" if name in TEXT_COLUMNS else "right" for name in frame.columns]
    return frame.to_markdown(index=False, disable_numparse=True, colalign=align)
