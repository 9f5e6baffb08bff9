"""Measuring: on a clock that the competitors turn themselves, so that every number is known beforehand."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks.protocols.speed import limits, measure
from benchmarks.protocols.speed.floors import search_floor, training_floor
from benchmarks.protocols.speed.goals import Goal, MemoryBelow, TimesFaster, TimesTheTime, verdict
from benchmarks.protocols.speed.limits import Limits
from benchmarks.protocols.speed.measure import Effort
from benchmarks.protocols.speed.work import Competitor, Unavailable, Work
from benchmarks.records.speed import Group, Operator

CPU = torch.device("cpu")


class Clock:
    """Time that passes only where somebody lets it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slowness = 1.0
        self.calls: list[str] = []

    def perf_counter(self) -> float:
        return self.now

    def competitor(self, name: str, seconds: float, slower_after: int | None = None) -> Competitor:
        def work() -> None:
            self.calls.append(name)
            if slower_after is not None and self.calls.count(name) > slower_after:
                self.slowness = 10.0
            self.now += seconds * self.slowness

        return Competitor(name, "", lambda device: work)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=clock.perf_counter))
    return clock


def group(*competitors: Competitor, effort: Effort | None = None, goals: tuple[Goal, ...] = ()) -> Group:
    work = Work("search", "exact", {"N": 100}, competitors, goals)
    return measure.measure(work, CPU, effort or Effort(least=6, most=6, seconds=0.0))


def test_ratios_are_over_the_first_and_codes_over_the_time(clock: Clock) -> None:
    result = group(clock.competitor("ours", 0.5), clock.competitor("peer", 2.0))
    ours, peer = result.results
    assert (ours.median_seconds, peer.median_seconds) == (0.5, 2.0)
    assert (ours.ratio.median, peer.ratio.median) == (1.0, 4.0)
    assert ours.codes_per_second == 200
    assert len(ours.seconds[0]) == len(peer.seconds[0]) == 6
    assert result.processes == 1


def test_competitors_take_turns_in_alternating_order(clock: Clock) -> None:
    group(clock.competitor("a", 2.0), clock.competitor("b", 2.0))
    warm_up = ["a", "a", "b", "b"]
    assert clock.calls == [*warm_up, *["a", "b", "b", "a"] * 3]


def test_a_machine_that_becomes_slow_half_way_moves_no_ratio(clock: Clock) -> None:
    # from a's fourth round on everything takes ten times as long
    result = group(clock.competitor("ours", 2.0, slower_after=5), clock.competitor("peer", 6.0))
    ours, peer = result.results
    assert max(ours.seconds[0]) == 10 * min(ours.seconds[0])
    assert peer.ratio.median == pytest.approx(3.0)


def test_short_calls_are_repeated_and_each_counts_once(clock: Clock) -> None:
    result = group(clock.competitor("ours", 0.001))
    assert result.results[0].median_seconds == pytest.approx(0.001)
    assert clock.calls.count("ours") == 1 + measure.WARM_UP_CALLS + 6 * 20  # 20 calls make a sample


def test_rounds_go_on_until_the_time_is_over_but_keep_their_bounds(clock: Clock) -> None:
    for effort, rounds in (
        (Effort(least=2, most=100, seconds=9.5), 10),
        (Effort(least=12, most=100, seconds=9.5), 12),
        (Effort(least=2, most=4, seconds=9.5), 4),
    ):
        assert len(group(clock.competitor("ours", 1.0), effort=effort).results[0].seconds[0]) == rounds


def test_who_cannot_take_part_is_named_with_the_reason(clock: Clock) -> None:
    def absent(device: torch.device) -> Callable[[], Any]:
        raise Unavailable("not installed")

    result = group(clock.competitor("ours", 1.0), Competitor("peer", "", absent))
    assert [each.competitor for each in result.results] == ["ours"]
    assert result.skipped == {"peer": "not installed"}


def test_a_competitor_that_fails_stops_nobody_but_ours_does(clock: Clock) -> None:
    def failing(device: torch.device) -> Callable[[], Any]:
        raise RuntimeError("out of memory")

    result = group(clock.competitor("ours", 1.0), Competitor("peer", "", failing))
    assert result.skipped == {"peer": "failed: out of memory"}
    with pytest.raises(RuntimeError, match="out of memory"):
        group(Competitor("ours", "", failing), clock.competitor("peer", 1.0))


def test_memory_is_the_peak_of_a_call() -> None:
    def allocating(megabytes: int) -> Callable[[torch.device], Callable[[], Any]]:
        return lambda device: lambda: torch.ones(megabytes * 250_000).sum()

    competitors = (Competitor("ours", "", allocating(1)), Competitor("peer", "", allocating(200)))
    ours, peer = group(*competitors, effort=Effort(1, 1, 0)).results
    if ours.peak_bytes is None:
        pytest.skip("this system does not tell the peak memory of a process")
    assert peer.peak_bytes == pytest.approx(200e6, rel=0.1)
    assert ours.peak_bytes < 20e6


def test_a_missed_goal_is_explained_by_the_operators_of_ours() -> None:
    matrix = torch.ones(300, 300)

    def ours() -> None:
        for _ in range(3):
            torch.mm(matrix, matrix)
        matrix.neg()

    competitors = Competitor("ours", "", lambda device: ours), Competitor("peer", "", lambda device: matrix.sum)
    largest, *others = group(*competitors, effort=Effort(1, 1, 0), goals=(TimesFaster("peer", 1e9),)).operators
    assert (largest.name, largest.calls) == ("mm", 3)
    assert 0.5 < largest.share < 1
    assert "neg" in {operator.name for operator in others}
    assert "sum" not in {operator.name for operator in others}
    assert largest.share + sum(operator.share for operator in others) == pytest.approx(1)
    assert group(*competitors, effort=Effort(1, 1, 0), goals=(TimesFaster("peer", 0),)).operators == []


def test_verdicts_are_computed(clock: Clock) -> None:
    result = group(clock.competitor("ours", 2.0), clock.competitor("peer", 16.0), clock.competitor("faiss", 2.5))
    assert verdict(TimesFaster("peer", 8), result) == "≥ 8×: 8× (8–8), met"
    assert verdict(TimesFaster("peer", 8.1), result) == "≥ 8.1×: 8× (8–8), missed"
    assert verdict(TimesTheTime("faiss", 0.8), result) == "ours ≤ 0.8×: 0.8× (0.8–0.8), met"
    assert verdict(TimesTheTime("faiss", 0.7), result) == "ours ≤ 0.7×: 0.8× (0.8–0.8), missed"
    assert verdict(TimesFaster("nobody", 8), result) == "≥ 8×: not measured"
    ours = result.results[0]
    for peak, word in ((99e6, "99 MB, met"), (100e6, "100 MB, missed")):
        measured = result.model_copy(update={"results": [ours.model_copy(update={"peak_bytes": peak})]})
        assert verdict(MemoryBelow(100), measured) == f"< 100 MB: {word}"


def test_processes_are_put_together_and_the_worst_decides(clock: Clock) -> None:
    def of_process(ours: float, peer: float) -> Group:
        return group(clock.competitor("ours", ours), clock.competitor("peer", peer))

    parts = [of_process(2.0, 16.0), of_process(2.0, 10.0), of_process(4.0, 36.0)]
    work = Work("search", "exact", {"N": 100}, tuple(clock.competitor(name, 1.0) for name in ("ours", "peer")))
    result = measure.together(work, [measure.together(work, parts[:2]), parts[2]])
    assert result == measure.together(work, parts)
    ours, peer = result.results
    assert result.processes == 3
    assert [len(rounds) for rounds in peer.seconds] == [6, 6, 6]
    assert (ours.median_seconds, peer.median_seconds) == (2.0, 16.0)
    assert (peer.ratio.low, peer.ratio.median, peer.ratio.high) == (5.0, 8.0, 9.0)
    assert verdict(TimesFaster("peer", 5.1), result) == "≥ 5.1×: 8× (5–9), missed"
    assert verdict(TimesFaster("peer", 5), result) == "≥ 5×: 8× (5–9), met"
    assert verdict(TimesTheTime("peer", 0.2), result) == "ours ≤ 0.2×: 0.125× (0.111–0.2), met"
    assert verdict(TimesTheTime("peer", 0.19), result) == "ours ≤ 0.19×: 0.125× (0.111–0.2), missed"


def test_of_several_processes_the_largest_memory_counts_and_who_failed_in_one_is_out(clock: Clock) -> None:
    def part(peak: float | None, operators: list[Operator], skipped: bool) -> Group:
        names = ["ours"] if skipped else ["ours", "peer"]
        seconds = {name: [[1.0]] for name in names}
        reasons = {"peer": "failed: out of memory"} if skipped else {}
        made = measure.group_of(work, seconds, dict.fromkeys(names, peak), reasons)
        return made.model_copy(update={"operators": operators})

    work = Work("search", "exact", {"N": 100}, tuple(clock.competitor(name, 1.0) for name in ("ours", "peer")))
    addmm, sums = ([Operator(name=name, share=1.0, calls=1)] for name in ("addmm", "sum"))
    result = measure.together(work, [part(3e6, [], False), part(5e6, addmm, True), part(4e6, sums, False)])
    assert [each.competitor for each in result.results] == ["ours"]
    assert result.skipped == {"peer": "failed: out of memory"}
    assert result.results[0].peak_bytes == 5e6
    assert result.operators == addmm
    assert measure.together(work, [part(3e6, [], False), part(None, [], False)]).results[0].peak_bytes is None


def test_floors_are_the_product_and_the_bytes_over_what_the_machine_does() -> None:
    machine = Limits(flops_per_second=1e9, bytes_per_second=1e8)
    product, copy = search_floor(machine, 100, 8, 50)
    assert product == pytest.approx(2 * 100 * 8 * 50 / 1e9)
    assert copy == pytest.approx((100 * 8 * 4 + 50 * 8 * 4 + 100 * 8) / 1e8)
    product, copy = training_floor(machine, 100, 8, 50)
    assert product == pytest.approx(2 * 100 * 8 * 50 / 1e9)
    rows, codebook = 100 * 8 * 4, 50 * 8 * 4
    assert copy == pytest.approx((4 * rows + 100 * 8 + 2 * (2 * codebook + 50 * 4)) / 1e8)


def test_the_machines_limits_are_the_best_of_its_trials(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MATRIX", {"cpu": 8})
    monkeypatch.setattr(limits, "COPIED", {"cpu": 16})
    products, copies = iter([4.0, 2.0, *[3.0] * 5]), iter([5.0] * 6 + [1.0])

    def seconds(call: Callable[[], Any], repeats: int, device: torch.device) -> float:
        out = call()
        return next(products) if out.shape == (8, 8) else next(copies)

    monkeypatch.setattr(limits, "seconds_per_call", seconds)
    machine = limits.measure_limits(CPU)
    assert machine.flops_per_second == 2 * 8**3 / 2.0
    assert machine.bytes_per_second == 2 * 4 * 16 / 1.0
