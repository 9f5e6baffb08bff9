"""BD-rate against what is known of made-up curves, and why there is none."""

import math

import pytest

from benchmarks.protocols.compression.bd_rate import Curve, bd_rate, rate_at

QUALITIES = [22.0, 25.0, 29.0, 34.0, 40.0]
ANCHOR = Curve([2 ** (quality / 6 - 5) for quality in QUALITIES], QUALITIES)


def _scaled(share: float, shift: float = 0.0) -> Curve:
    return Curve([share * rate for rate in ANCHOR.rates], [quality + shift for quality in QUALITIES])


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0, 1.5])
def test_a_curve_with_a_share_of_the_bits_has_that_rate(share: float) -> None:
    found, reason = bd_rate(_scaled(share), ANCHOR)
    assert found == pytest.approx(100 * (share - 1), abs=1e-6)
    assert reason == ""


def test_a_better_curve_is_shifted_along_the_rates() -> None:
    """One dB more at every rate of a curve that doubles its bits every 6 dB."""
    found, _ = bd_rate(_scaled(1, 1.0), ANCHOR)
    assert found == pytest.approx(100 * (2 ** (-1 / 6) - 1), abs=0.5)


def test_the_order_of_the_points_is_no_matter() -> None:
    turned = Curve(ANCHOR.rates[::-1], ANCHOR.qualities[::-1])
    assert bd_rate(turned, ANCHOR)[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("test", "anchor", "said"),
    [
        (Curve([1.0], [30.0]), ANCHOR, "one rate"),
        (ANCHOR, Curve([1.0], [30.0]), "one rate"),
        (Curve([], []), ANCHOR, "one rate"),
        (Curve([0.5, 1.0, 2.0], [25.0, 24.0, 38.0]), ANCHOR, "not rising"),
        (Curve([0.5, 0.5, 2.0], [22.0, 24.0, 40.0]), ANCHOR, "not rising"),
        (_scaled(0.8, 9.0), ANCHOR, "33 % shared"),
        (_scaled(0.8, 30.0), ANCHOR, "0 % shared"),
    ],
)
def test_there_is_none_with_a_reason(test: Curve, anchor: Curve, said: str) -> None:
    assert bd_rate(test, anchor) == (None, said)


def test_the_rate_of_a_curve_at_a_quality() -> None:
    for quality in (22.0, 27.0, 40.0):
        assert rate_at(ANCHOR, quality) == pytest.approx(2 ** (quality / 6 - 5), rel=0.01)
    assert rate_at(ANCHOR, 21.9) is None
    assert rate_at(ANCHOR, 40.1) is None
    assert rate_at(ANCHOR, math.nan) is None
    assert rate_at(Curve([1.0], [30.0]), 30.0) is None
