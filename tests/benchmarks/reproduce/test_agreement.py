"""When a run made again agrees with the stored one: exactly, within the spread of the seeds, or not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.records.record import Environment, Record
from benchmarks.reproduce.agreement import Agreement, compare, spread

MakeRecord = Callable[..., Record]


def _environment(**fields: Any) -> Environment:
    values: dict[str, Any] = {
        **{"python": "3.11", "torch": "2", "project": "0", "commit": "c0ffee", "platform": "L", "processor": "p"},
        **{"device": "cpu", "threads": 2},
    }
    return Environment(**{**values, **fields})


def _arrays(psnr: float = 20.0) -> dict[str, np.ndarray]:
    return {
        "image/psnr": np.array([psnr - 1, psnr + 1]),
        "code_counts": np.array([[3, 0, 5]]),
        "curve/step": np.array([5.0, 10.0, 15.0]),
        "curve/total": np.array([0.3, 0.2, 0.1]),
        "curve/generator": np.array([np.nan, np.nan, 0.5]),
        "curve/images_per_second": np.array([90.0, 110.0, 100.0]),
        "samples/original": np.zeros((2, 3, 4, 4), np.uint8),
    }


@pytest.fixture
def stored(make_record: MakeRecord) -> Record:
    return make_record(psnr=20.0, environment=_environment())


def _against(stored: Record, psnr: float, others: list[Record], **environment: Any) -> Agreement:
    now = stored.model_copy(
        update={"metrics": stored.metrics | {"psnr": psnr}, "environment": _environment(**environment)}
    )
    return compare(stored, now, _arrays(), _arrays(), others)


def test_equal_numbers_agree_exactly_wherever_they_were_made(stored: Record) -> None:
    for threads in (2, 8):
        agreement = _against(stored, 20.0, [], threads=threads)
        assert agreement.verdict == "agrees exactly"
        assert agreement.agrees
        assert [metric.name for metric in agreement.metrics] == ["psnr", "ssim", "usage", "bpp"]  # rfid: never measured
        assert "curve/images_per_second" not in agreement.arrays
        assert agreement.curves_part_at is None


def test_on_the_same_machine_and_versions_the_last_digit_counts(stored: Record, make_record: MakeRecord) -> None:
    seeds = [make_record(seed=seed, psnr=19.0 + seed) for seed in range(4)]
    agreement = _against(stored, np.nextafter(20.0, 21.0), seeds)
    assert agreement.exact_expected
    assert agreement.verdict == "does not agree"
    assert [metric.name for metric in agreement.metrics if metric.agrees is False] == ["psnr"]


def test_arrays_count_too_and_the_step_is_named_at_which_trainings_part(stored: Record) -> None:
    now = _arrays()
    now["image/psnr"] = np.array([19.5, 20.5])  # with the same mean
    now["curve/total"][1] += 1e-9
    now["curve/images_per_second"] *= 2
    agreement = compare(stored, stored, _arrays(), now, [])
    assert agreement.verdict == "does not agree"
    differences = {each.name: (each.different, each.values, each.largest) for each in agreement.array_differences}
    assert differences == {"image/psnr": (2, 2, 0.5), "curve/total": (1, 3, pytest.approx(1e-9))}
    assert agreement.curves_part_at == 10


def test_arrays_of_one_side_only_are_not_compared(stored: Record) -> None:
    agreement = compare(stored, stored, {}, _arrays(), [])
    assert agreement.verdict == "agrees exactly"
    assert agreement.arrays == ()


@pytest.mark.parametrize("environment", [{"threads": 1}, {"commit": "beef"}, {"torch": "3"}, {"processor": "q"}])
def test_elsewhere_the_seeds_say_how_far_apart_is_too_far(
    stored: Record, make_record: MakeRecord, environment: dict[str, Any]
) -> None:
    seeds = [make_record(seed=seed, psnr=20.0 + 0.1 * seed) for seed in range(3)]
    for difference, verdict in ((0.5, "agrees within the seed spread"), (0.7, "does not agree")):
        agreement = _against(stored, 20.0 + difference, seeds, **environment)
        assert agreement.metrics[0].spread == pytest.approx(4.303 * np.sqrt(2) * 0.1, rel=1e-3)
        assert not agreement.exact_expected
        assert agreement.verdict == verdict
        assert agreement.seeds == (0, 1, 2)
        assert [each.name for each in agreement.environment] == list(environment)


def test_only_seeds_of_the_same_row_give_the_spread(stored: Record, make_record: MakeRecord) -> None:
    others = [
        make_record(seed=0, psnr=99.0),  # the stored run itself stands for its seed
        make_record(seed=1, settings="other"),
        make_record("vq", seed=2),
        make_record(seed=3, quantizer=stored.quantizer.model_copy(update={"bits_per_position": 12.0})),
        make_record(seed=4, quantizer=stored.quantizer.model_copy(update={"options": {"levels": [5, 5]}})),
    ]
    agreement = _against(stored, 20.001, others, threads=1)
    assert agreement.seeds == (0,)
    assert agreement.verdict == "no verdict"
    assert not agreement.agrees
    (psnr,) = (metric for metric in agreement.metrics if metric.name == "psnr")
    assert psnr.difference == pytest.approx(0.001)
    assert psnr.agrees is None


@pytest.mark.parametrize("commit", [None, "c0ffee+"])
def test_code_that_was_changed_or_has_no_commit_is_not_known_to_be_the_same(
    make_record: MakeRecord, commit: str | None
) -> None:
    stored = make_record(environment=_environment(commit=commit))
    agreement = _against(stored, 20.5, [], commit=commit)
    assert not agreement.exact_expected
    assert [each.name for each in agreement.environment] == ["commit"]


def test_a_gpu_and_several_processes_owe_no_equal_digits(make_record: MakeRecord) -> None:
    gpu = make_record(environment=_environment(device="GPU"))
    assert not _against(gpu, 20.5, [], device="GPU").exact_expected
    alone = make_record(environment=_environment())
    two = alone.model_copy(update={"training": alone.training.model_copy(update={"processes": 2})})
    assert not compare(two, alone, {}, {}, []).exact_expected
    assert compare(two, two, {}, {}, []).exact_expected


def test_a_metric_that_cannot_be_measured_now_is_shown_without_a_verdict(make_record: MakeRecord) -> None:
    stored = make_record(environment=_environment(), metrics={"psnr": 20.0, "rfid": 9.0})
    now = stored.model_copy(update={"metrics": {"psnr": 20.0, "rfid": None}, "missing": {"rfid": "no weights"}})
    agreement = compare(stored, now, {}, {}, [])
    assert agreement.verdict == "agrees exactly"
    assert [(metric.name, metric.agrees) for metric in agreement.metrics] == [("psnr", True), ("rfid", None)]
    assert agreement.not_measured == {"rfid": "no weights"}


@pytest.mark.parametrize("seeds", [2, 3, 8])
def test_of_runs_that_differ_by_chance_fewer_than_one_in_ten_are_told_apart(seeds: int) -> None:
    draws = np.random.default_rng(seeds).normal(20, 0.3, (3000, seeds + 1)).tolist()
    apart = [abs(now - stored) > (spread(stored, now, others) or 0) for stored, now, *others in draws]
    assert 0.03 < np.mean(apart) < 0.1


@pytest.mark.parametrize(("stored", "now"), [(20.0, 15.0), (15.0, 20.0)])
def test_a_number_that_is_far_off_does_not_hide_behind_the_spread_that_it_makes(stored: float, now: float) -> None:
    allowed = spread(stored, now, [20.1, 19.9])
    assert allowed is not None
    assert allowed < 1
