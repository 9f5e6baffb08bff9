"""The tables and the picture of made-up groups."""

import io
from collections.abc import Mapping
from datetime import datetime, timezone

import pytest
from rich.console import Console

from benchmarks.plots.speed import sweep_figure
from benchmarks.protocols.speed.catalogue import sweep_works
from benchmarks.protocols.speed.floors import search_floor
from benchmarks.protocols.speed.goals import TimesFaster, TimesTheTime
from benchmarks.protocols.speed.measure import group_of
from benchmarks.protocols.speed.names import FAISS, NAIVE, OURS, OVER_ROWS, VECTOR_QUANTIZE
from benchmarks.protocols.speed.sizes import SWEEP, SWEPT
from benchmarks.protocols.speed.work import Competitor, Work
from benchmarks.records.speed import PROTOCOL, Conditions, Environment, Group, Limits, Operator, SpeedRun
from benchmarks.tables.speed import markdown, missed_markdown, significant, terminal_tables, with_prefix

GOALS = {"vq-ema training step, N=1000": (TimesFaster(VECTOR_QUANTIZE, 8),)}


def by_process(seconds: Mapping[str, list[float]]) -> dict[str, list[list[float]]]:
    """As if each number were of a process of its own."""
    return {name: [[each] for each in times] for name, times in seconds.items()}


def made(seconds: Mapping[str, list[float]], skipped: Mapping[str, str] | None = None) -> Group:
    competitors = tuple(Competitor(name, "", lambda device: lambda: None) for name in [*seconds, *(skipped or {})])
    work = Work("training step", "vq-ema", {"N": 1000}, competitors)
    return group_of(work, by_process(seconds), dict.fromkeys(seconds, 5e6), skipped or {})


def run_of(
    groups: list[Group], threads: int = 2, series: str = "works", quick: bool = False, protocol: str = PROTOCOL
) -> SpeedRun:
    environment = Environment(
        python="3", torch="2", project="0", commit=None, platform="L", processor="a CPU", device="cpu", threads=threads
    )
    conditions = Conditions(
        protocol=protocol,
        series=series,
        quick=quick,
        device="cpu",
        threads=threads,
        environment=environment,
        packages={VECTOR_QUANTIZE: "1"},
        code="c",
    )
    return SpeedRun(
        schema_version=1,
        protocol=protocol,
        conditions=conditions,
        limits=Limits(flops_per_second=1e11, bytes_per_second=1e10),
        groups=groups,
        command="",
        created=datetime(2026, 1, 1, tzinfo=timezone.utc),
        wall_seconds=1.0,
    )


GROUP = made(
    {
        OURS: [0.010, 0.010, 0.010],
        VECTOR_QUANTIZE: [0.070, 0.079, 0.081],
        f"{NAIVE}: slow": [0.9] * 3,
        f"{NAIVE}: fast": [0.03] * 3,
    },
    {FAISS: "it is not installed"},
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.012345, "0.0123"), (1.0, "1.00"), (9.876, "9.88"), (12.34, "12.3"), (1234.5, "1,234"), (0.0, "0")],
)
def test_three_digits_and_no_exponent(value: float, text: str) -> None:
    assert significant(value) == text


def test_large_numbers_have_a_prefix() -> None:
    assert [with_prefix(value) for value in (12.0, 12_300.0, 4.5e6, 7.89e9)] == ["12.0", "12.3 k", "4.50 M", "7.89 G"]


def test_markdown_has_a_line_per_work_with_ratios_quartiles_and_verdict() -> None:
    lines = markdown(run_of([GROUP]), GOALS).splitlines()
    cells = [cell.strip() for cell in lines[-1].split("|")[1:-1]]
    assert cells == [
        "vq-ema training step, N=1000",
        "10.0",
        "7.90 (7.00–8.10)",  # a peer that nothing was measured of has no column
        "3.00 (3.00–3.00)",  # the fastest of the naive forms
        "5.00",
        "5.00",
        f"{VECTOR_QUANTIZE}: ≥ 8×: 7.9× (7–8.1), missed",
    ]


def test_a_missed_goal_stands_with_what_the_time_goes_to() -> None:
    operators = [Operator(name="addmm", share=0.6234, calls=16), Operator(name="amax", share=0.1, calls=3.5)]
    met = made({OURS: [0.010] * 3, VECTOR_QUANTIZE: [0.090] * 3}).model_copy(update={"work": "another"})
    goals = {**GOALS, "another": GOALS[GROUP.work]}
    text = missed_markdown(run_of([GROUP.model_copy(update={"operators": operators}), met]), goals)
    cells = [cell.strip() for cell in text.splitlines()[-1].split("|")[1:-1]]
    assert cells == [
        GROUP.work,
        f"{VECTOR_QUANTIZE}: ≥ 8×: 7.9× (7–8.1), missed",
        "10.0",
        "`addmm` 62% (16), `amax` 10% (3.5)",
    ]
    assert "another" not in text
    for run in (run_of([met]), run_of([GROUP], threads=1)):
        assert missed_markdown(run, goals).endswith("No goal is missed.\n")


def test_goals_are_judged_on_two_threads_only() -> None:
    assert "missed" in markdown(run_of([GROUP], threads=2), GOALS)
    assert "missed" not in markdown(run_of([GROUP], threads=1), GOALS)


def test_runs_of_an_earlier_protocol_are_tables_without_verdicts() -> None:
    text = markdown(run_of([GROUP], protocol="speed/3"), GOALS)
    assert "protocol speed/3" in text
    assert "7.90 (7.00–8.10)" in text
    assert "missed" not in text


def test_a_group_without_ours_is_a_table_of_its_own() -> None:
    text = markdown(run_of([GROUP, made({"vq-ema": [0.2] * 3, "fsq": [0.1] * 3})]), {})
    first, second = text.split("| quantizer")
    assert VECTOR_QUANTIZE in first
    assert "| fsq" not in first
    assert "0.500" in second


def shown(groups: Mapping[int, list[Group]], device: str = "cpu", width: int = 120) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(*terminal_tables(groups, GOALS, device))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_terminal_shows_every_competitor_for_every_number_of_threads() -> None:
    slower = made({OURS: [0.020] * 3, VECTOR_QUANTIZE: [0.180] * 3})
    text = shown({1: [slower], 2: [GROUP]}, width=140)
    (line,) = [line for line in text.splitlines() if line.strip().startswith(VECTOR_QUANTIZE)]
    assert line.split()[:9] == [VECTOR_QUANTIZE, "180", "9.00", "5.56", "k", "79.0", "7.90", "12.7", "k"]
    assert "≥ 8×: 7.9× (7–8.1), missed" in line
    (line,) = [line for line in text.splitlines() if line.strip().startswith(FAISS)]
    assert "it is not installed" in line
    (line,) = [line for line in text.splitlines() if line.strip().startswith(f"{NAIVE}: slow")]
    assert line.split()[2:] == ["900", "90.0", "1.11", "k", "5.00"]  # nothing on one thread
    assert "missed" not in shown({1: [slower]})
    assert "missed" not in shown({2: [GROUP]}, device="cuda")


def test_a_narrow_terminal_loses_no_number() -> None:
    text = shown({2: [GROUP]}, width=80)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for number in ("79.0", "7.90", "12.7 k", "900", "missed"):
        assert number in text


def test_the_sweeps_picture_draws_each_point_and_the_limit() -> None:
    groups = []
    for work in sweep_works():
        seconds = {each.name: [1e-3 * work.sizes["N"] * (1 + i)] for i, each in enumerate(work.competitors)}
        groups.append(group_of(work, by_process(seconds), dict.fromkeys(seconds), {}))
    run = run_of(groups, series="sweep")
    panels = sweep_figure(run).axes
    lines = {line.get_label(): line for line in panels[0].get_lines()}
    assert list(lines[OURS].get_xdata()) == list(SWEEP["N"])
    assert list(lines[OURS].get_ydata()) == pytest.approx(SWEEP["N"])
    assert list(lines[NAIVE].get_ydata()) == pytest.approx([3 * n for n in SWEEP["N"]])  # the faster of two
    expected = [1e3 * search_floor(run.limits, n, SWEPT["D"], SWEPT["K"]).product for n in SWEEP["N"]]
    assert list(lines["product alone"].get_ydata()) == pytest.approx(expected)
    assert [list(panel.get_xticks()) for panel in panels[:3]] == [list(sizes) for sizes in SWEEP.values()]
    assert VECTOR_QUANTIZE in {line.get_label() for line in panels[3].get_lines()}


def test_a_sweep_that_is_not_done_yet_is_drawn_as_far_as_it_is() -> None:
    work = sweep_works()[0]
    seconds = {each.name: [1.0] for each in work.competitors}
    run = run_of([group_of(work, by_process(seconds), dict.fromkeys(seconds), {})], series="sweep")
    lines = {line.get_label(): line for line in sweep_figure(run).axes[0].get_lines()}
    assert len(lines[OURS].get_xdata()) == 1


def test_a_search_over_rows_shows_its_worst() -> None:
    def group(rows: int, ours: float, slowest: float) -> Group:
        names = (OURS, FAISS, f"{OURS}: avx2 alone")
        competitors = tuple(Competitor(name, "", lambda device: lambda: None) for name in names)
        work = Work(OVER_ROWS, "exact", {"N": rows, "D": 8, "K": 64}, competitors)
        seconds = {OURS: [ours, ours, slowest], FAISS: [1.0] * 3, names[2]: [2 * ours] * 3}
        return group_of(work, by_process(seconds), dict.fromkeys(names, 0.0), {})

    # the worst process counts, not the worst median
    groups = [group(1024, 0.5, 0.5), group(4096, 1.0, 1.5), group(16384, 1.05, 1.05)]
    goals = {each.work: (TimesTheTime(FAISS, 1.1),) for each in groups}
    text = markdown(run_of([GROUP, *groups]), goals)
    table = text.partition("over faiss's**")[2]
    header, _, row, with_less = (line.split("|")[1:-1] for line in table.strip().splitlines()[:4])
    cells = {name.strip(): cell.strip() for name, cell in zip(header, row, strict=True)}
    assert cells["codebook"] == "D=8 K=64"
    assert [cells[f"N={rows}"] for rows in ("1,024", "4,096", "16,384")] == ["0.500", "1.00", "1.05"]
    assert (cells["worst"], cells["goal"]) == ("1.00 (1.00–1.50)", "ours ≤ 1.1×: 1× (1–1.5), missed")
    assert [cell.strip() for cell in with_less] == [
        *("D=8 K=64: avx2 alone", "1.00", "2.00", "2.10", "2.10 (2.10–2.10)", "")
    ]
    assert "N=1024" not in text.partition("**exact search over N")[0]
