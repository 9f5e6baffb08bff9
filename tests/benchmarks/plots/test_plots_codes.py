"""Use of codebooks: shares of codes by how often they are used, and frequency by rank."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.plots.codes import (
    by_rank,
    rank_frequency,
    relative_frequencies,
    usage_histograms,
    use_of_each_code,
)
from benchmarks.plots.groups import groups, rates


def _part(stored: list):
    (part,) = rates(groups(stored)[0])
    return part


def test_frequencies_are_relative_to_even_use_for_each_code_position_and_seed(store: Callable) -> None:
    runs = [
        store(seed=0, arrays={"code_counts": np.array([[1, 1, 1, 1], [8, 0, 0, 0]])}),
        store(seed=1, arrays={"code_counts": np.array([[0, 0, 3, 1], [2, 2, 2, 2]])}),
    ]
    expected = [[1, 1, 1, 1], [4, 0, 0, 0], [0, 0, 3, 1], [1, 1, 1, 1]]
    assert relative_frequencies(runs) == pytest.approx(np.array(expected))


def test_a_histogram_has_the_unused_apart_and_every_code_once(store: Callable) -> None:
    counts = np.array([[0, 0, 0, 0, 1, 2, 1, 4]])  # 8 in all: even use is one each
    figure = usage_histograms(_part([store(arrays={"code_counts": counts}), store("fsq"), store("none", bits=512)]))
    (panel,) = figure.axes  # fsq has too many codes to count, none has no codes
    assert panel.get_title() == "vq\n50.0 % of codes used"
    heights = {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in panel.patches}
    assert heights == {0: 25, 1: 12.5, 2: 12.5, -2: 50}
    ticks = dict(zip(panel.get_xticks(), (text.get_text() for text in panel.get_xticklabels()), strict=True))
    assert ticks == {-2: "0", 0: "1", 1: "2", 2: "4"}


def test_frequency_by_rank_ends_where_no_code_is_used(store: Callable, line: Callable) -> None:
    counts = np.array([[0, 6, 2, 0]])
    panel = rank_frequency(_part([store(arrays={"code_counts": counts})])).axes[0]
    assert list(line(panel, "vq").get_xdata()) == [0.25, 0.5]
    assert list(line(panel, "vq").get_ydata()) == [3, 1]
    assert panel.get_xscale() == panel.get_yscale() == "log"


def test_seeds_are_averaged_rank_by_rank() -> None:
    ranks, heights = by_rank(np.array([[0.0, 3.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]]))
    assert list(ranks) == [0.25, 0.5, 0.75, 1]
    assert list(heights) == [2, 1, 0.5, 0.5]


def test_a_large_codebook_is_drawn_with_few_points() -> None:
    ranks, heights = by_rank(np.random.default_rng(0).exponential(size=(1, 2**18)))
    assert len(ranks) <= 200
    assert ranks[-1] == 1
    assert (np.diff(heights) <= 0).all()


def test_without_counts_there_is_no_picture(store: Callable) -> None:
    part = _part([store("lfq", bits=32), store("block-mean", bits=24, arrays={"code_counts": np.ones((3, 256))})])
    assert usage_histograms(part) is None
    assert rank_frequency(part) is None
    assert use_of_each_code(part) is None


def test_each_scale_has_its_use_and_what_could_be_seen_of_it(store: Callable, line: Callable) -> None:
    scales = {"code_counts": np.array([[2, 0, 0, 0], [1, 1, 1, 1]])}
    depths = {"codebooks/usage": np.array([0.5, 0.25, 1.0]), "codebooks/perplexity": np.array([2.0, 1.0, 4.0])}
    stored = [
        *(store("multi-scale", seed=seed, arrays=scales) for seed in (0, 1)),
        *(store("rq", arrays=depths), store("vq", arrays={"code_counts": np.ones((1, 4))})),
    ]
    usage, perplexity = use_of_each_code(_part(stored)).axes
    assert list(line(usage, "multi-scale").get_xdata()) == [1, 2]
    assert list(line(usage, "multi-scale").get_ydata()) == [25, 100]
    assert list(line(perplexity, "multi-scale").get_ydata()) == [1, 4]
    assert list(line(usage, "rq").get_ydata()) == [50, 25, 100]
    lines = {each.get_label(): each for each in usage.get_lines()}
    assert "vq" not in lines
    dots = [each for each in usage.get_lines() if each.get_marker() == "." and len(each.get_xdata())]
    assert [(list(each.get_xdata()), list(each.get_ydata())) for each in dots] == [([1], [50])]
