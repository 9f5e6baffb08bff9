"""Training curves: means and bands over seeds, a panel for each term that anyone has."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.plots.groups import groups, rates
from benchmarks.plots.training import training_curves


def _curves(level: float, **terms: np.ndarray) -> dict[str, np.ndarray]:
    step = np.arange(1, 21)
    return {"curve/step": step, "curve/reconstruction": level + 0.0 * step, "curve/images_per_second": step} | {
        f"curve/{name}": values for name, values in terms.items()
    }


def _panels(stored: list) -> dict:
    (part,) = rates(groups(stored)[0])
    return {panel.get_title(): panel for panel in training_curves(part).axes}


def test_seeds_become_a_mean_in_a_band_and_a_speed_is_no_term(store: Callable, line: Callable) -> None:
    panels = _panels([store(seed=seed, arrays=_curves(1.0 + seed)) for seed in range(3)])
    assert set(panels) == {"reconstruction"}
    drawn = line(panels["reconstruction"], "vq")
    assert list(drawn.get_xdata()) == list(range(1, 21))
    assert drawn.get_ydata() == pytest.approx(np.full(20, 2.0))
    (band,) = panels["reconstruction"].collections
    assert band.get_datalim(panels["reconstruction"].transData).intervaly == pytest.approx([1, 3])


def test_one_seed_has_no_band_and_block_mean_no_curve(store: Callable) -> None:
    stored = [store(arrays=_curves(1.0)), store("none", arrays=_curves(0.5)), store("block-mean", bits=24)]
    panel = _panels(stored)["reconstruction"]
    assert not panel.collections
    assert {each.get_label() for each in panel.get_lines()} == {"vq", "none"}


def test_a_term_that_begins_late_or_that_one_method_has_is_drawn_as_far_as_it_goes(
    store: Callable, line: Callable
) -> None:
    late = np.where(np.arange(20) < 10, np.nan, 3.0)
    with_terms = store(arrays=_curves(1.0, generator=late, kl_term=np.ones(20)))
    panels = _panels([with_terms, store("fsq", arrays=_curves(1.0))])
    assert list(panels) == ["reconstruction", "generator", "kl term"]
    assert list(line(panels["generator"], "vq").get_xdata()) == list(range(11, 21))
    assert [each.get_label() for each in panels["kl term"].get_lines()] == ["vq"]


def test_the_start_does_not_stretch_the_scale(store: Callable) -> None:
    total = np.r_[1000.0, np.linspace(2, 1, 19)]
    low, high = _panels([store(arrays=_curves(1.0, total=total))])["total"].get_ylim()
    assert low < 1 < 2 < high < 3


def test_a_training_of_one_step_and_none_at_all(store: Callable, line: Callable) -> None:
    one = {name: values[:1] for name, values in _curves(1.0).items()}
    assert len(line(_panels([store(arrays=one)])["reconstruction"], "vq").get_xdata()) == 1
    assert training_curves(rates(groups([store()])[0])[0]) is None
