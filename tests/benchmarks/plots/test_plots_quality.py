"""Rate–distortion and cost: what is drawn is what was measured, at its rate and cost."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, strategies as st

from benchmarks.plots.cost import pareto_front, quality_against_cost
from benchmarks.plots.groups import groups, rates
from benchmarks.plots.rate_distortion import WIDTH, rate_distortion
from benchmarks.records.throughput import Row, Throughput

PSNR, SWD = "PSNR ↑, dB", "SWD ↓"


def test_means_and_deviations_over_seeds_stand_at_their_rates(store: Callable, line: Callable) -> None:
    stored = [
        store(seed=seed, bits=bits, metrics={"psnr": bits + seed, "swd": 100.0 - bits})
        for seed in (0, 2)
        for bits in (8, 12)
    ]
    (group,) = groups(stored)
    figure = rate_distortion(group)
    assert [panel.get_ylabel() for panel in figure.axes] == [PSNR, SWD]
    drawn = line(figure.axes[0], "vq")
    assert list(drawn.get_xdata()) == [8, 12]
    assert list(drawn.get_ydata()) == [9, 13]
    (bars,) = figure.axes[0].containers[0].lines[2]
    assert bars.get_segments()[0][:, 1] == pytest.approx([9 - 2**0.5, 9 + 2**0.5])


def test_baselines_are_level_lines(store: Callable, line: Callable) -> None:
    stored = [store(), store("block-mean", bits=24, metrics={"psnr": 17.0})]
    stored += [store("none", seed, bits=10 + seed, metrics={"psnr": 21.0 + 2 * seed}) for seed in range(2)]
    (panel, swd) = rate_distortion(groups(stored)[0]).axes
    assert list(line(panel, "block-mean").get_ydata()) == [17, 17]
    assert list(line(panel, "none").get_ydata()) == [22, 22]
    assert {each.get_label() for each in swd.get_lines()}.isdisjoint({"none", "block-mean"})  # they have no SWD


@pytest.mark.parametrize(
    ("metrics", "panels"),
    [
        ({"psnr": 1.0}, ["PSNR ↑, dB"]),
        ({"psnr": 1.0, "swd": 2.0, "lpips": 3.0}, ["PSNR ↑, dB", "LPIPS ↓"]),
        ({"psnr": None, "rfid": 2.0, "lpips": 3.0}, ["LPIPS ↓", "rFID ↓"]),
    ],
)
def test_metrics_that_nobody_has_get_no_panel(store: Callable, metrics: dict, panels: list[str]) -> None:
    (group,) = groups([store(metrics=metrics), store("fsq", metrics=metrics)])
    assert [panel.get_ylabel() for panel in rate_distortion(group).axes] == panels
    assert [panel.get_ylabel() for panel in quality_against_cost(group).axes if panel.get_ylabel()] == panels


def test_methods_of_equal_rate_stand_side_by_side_and_lines_in_the_middle(store: Callable, line: Callable) -> None:
    stored = [store(name) for name in ("fsq", "lfq", "rq", "pq")] + [store(bits=bits) for bits in (10, 12)]
    (panel, _) = rate_distortion(groups(stored)[0]).axes
    places = {name: line(panel, name).get_xdata()[0] - 10 for name in ("fsq", "lfq", "rq", "pq", "vq")}
    assert places["vq"] == pytest.approx(0)
    assert sorted(places.values()) == pytest.approx(np.linspace(-WIDTH / 2, WIDTH / 2, 5))


def test_without_quantizers_there_is_nothing_to_compare(store: Callable) -> None:
    (group,) = groups([store("none"), store("block-mean", bits=24)])
    assert rate_distortion(group) is None
    assert quality_against_cost(group) is None


def _cost_panels(stored: list) -> list:
    (part,) = rates(groups(stored)[0])
    return quality_against_cost(part).axes


def test_points_stand_at_their_costs_and_the_front_goes_through_the_best(store: Callable, line: Callable) -> None:
    made = {"fast": (200.0, 500.0, 18.0), "good": (100.0, 300.0, 20.0), "beaten": (50.0, 100.0, 19.0)}
    stored = [store(name, train=t, encode=e, metrics={"psnr": p, "swd": -p}) for name, (t, e, p) in made.items()]
    stored += [store("none", train=400.0, encode=900.0, metrics={"psnr": 30.0, "swd": 1.0})]
    stored += [store("block-mean", train=None, encode=1e6, metrics={"psnr": 17.0, "swd": 1.0})]
    panels = _cost_panels(stored)
    seconds, speed, swd_seconds, _ = panels
    assert line(seconds, "good").get_xdata() == pytest.approx([16_000 / 100])
    assert line(speed, "good").get_xdata() == pytest.approx([300])
    points = {each.get_label(): each.lines[0].get_xydata().tolist() for each in speed.containers}
    assert points["none"] == [[900, 30]]
    assert set(points) == {*made, "none"}  # block-mean has no encoder
    assert list(line(seconds, "Pareto front").get_xdata()) == [80, 160]  # cheap first, none is no rival
    assert list(line(speed, "Pareto front").get_ydata()) == [18, 20]
    assert list(line(swd_seconds, "Pareto front").get_ydata()) == [-18, -20]  # lower is better


def test_a_cost_that_nobody_has_gets_no_column(store: Callable) -> None:
    _, swd = _cost_panels([store(train=None), store("fsq", train=None)])
    assert swd.get_xlabel() == "encoding, images/s (timed as the runs went)"


def test_speeds_that_were_timed_together_stand_in_for_the_runs_own(store: Callable, line: Callable) -> None:
    stored = [store(seed=seed, encode=100.0 + seed) for seed in range(2)]
    record = stored[0][1]
    throughput = Throughput(
        schema_version=1,
        protocol="throughput/1",
        settings=record.settings,
        rows=[Row(quantizer="vq", rate=10, rounds=[{"train": 40.0, "encode_images_per_second": 7.0}])],
        environment=record.environment,
        command="",
        created=record.created,
    )
    (part,) = rates(groups(stored, [throughput])[0])
    _, _, seconds, speed = quality_against_cost(part).axes
    assert line(seconds, "vq").get_xdata() == pytest.approx([16_000 / 40])
    assert line(speed, "vq").get_xdata() == pytest.approx([7])
    assert speed.get_xlabel() == "encoding, images/s (methods timed in turn)"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_the_front_is_what_brute_force_finds(points: list[tuple[int, int]]) -> None:
    costs, qualities = np.array(points, dtype=float).reshape(-1, 2).T
    front = [
        place
        for place, (cost, quality) in enumerate(points)
        if not any(c <= cost and q >= quality and (c, q) != (cost, quality) for c, q in points)
    ]
    assert list(pareto_front(costs, qualities)) == front
