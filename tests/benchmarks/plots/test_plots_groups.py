"""Runs that cannot be compared are apart, under names that tell them apart; methods compare at one rate."""

from collections.abc import Callable

import pytest

from benchmarks.plots.groups import groups, rates


@pytest.mark.parametrize(
    ("difference", "stem"),
    [
        ({"preset": "cpu"}, "cpu-photographs"),
        ({"data": {"name": "my photos/2", "fingerprint": "g"}}, "quick-my-photos-2"),
        ({"changes": {"train.images": 100}, "settings": "e"}, "quick-photographs-train.images=100"),
        ({"changes": {"train.a": "x" * 99}, "settings": "e"}, "quick-photographs-changed"),
    ],
)
def test_the_file_name_says_what_differs(store: Callable, difference: dict, stem: str) -> None:
    found = groups([store(), store("lfq", **difference)])
    assert {group.stem for group in found} == {"quick-photographs", stem}
    assert [len(group.summary) for group in found] == [1, 1]


@pytest.mark.parametrize("difference", [{"protocol": "reconstruction/2"}, {"training_images": 5}])
def test_names_that_would_be_equal_get_the_settings_digest(store: Callable, difference: dict) -> None:
    stored = [store(settings="one"), store(settings="two", **difference)]
    assert {group.stem for group in groups(stored)} == {"quick-photographs-one", "quick-photographs-two"}


def test_rows_know_their_runs_by_seed(store: Callable) -> None:
    stored = [store(seed=2), store(seed=0), store(bits=12), store(options={"decay": 0.9}), store("none", bits=512)]
    stored.append((stored[0][0].with_name("copy.json"), stored[0][1]))
    (group,) = groups(stored)
    part, other = rates(group)
    assert (part.stem, other.stem) == ("quick-photographs-10bit", "quick-photographs-12bit")
    assert other.title.startswith("12 bits · photographs")
    runs = part.runs_of(part.summary)
    assert set(runs) == {"vq", "vq decay=0.9", "none"}
    assert [record.seed for _, record in runs["vq"]] == [0, 2]
    assert set(other.runs_of(other.summary)) == {"vq", "none"}


def test_a_baseline_with_a_rate_stands_beside_the_methods_of_that_rate(store: Callable) -> None:
    stored = [store("fsq", bits=bits) for bits in (8, 10)] + [store("kmeans", bits=bits) for bits in (8, 10, 12)]
    stored += [store("pca", bits=512), store("none", bits=512)]
    for part, rate in zip(rates(groups(stored)[0]), (8, 10), strict=True):
        assert part.references["quantizer"].to_list() == ["pca", "none", "kmeans"]
        assert part.references["rate"].to_list() == [0, 0, rate]
        assert part.methods["quantizer"].to_list() == ["fsq"]


def test_baselines_alone_are_one_part(store: Callable) -> None:
    (group,) = groups([store("none", bits=10), store("none", seed=1, bits=12), store("block-mean", bits=24)])
    (part,) = rates(group)
    assert part.stem == group.stem
    assert sorted(part.summary["quantizer"]) == ["block-mean", "none"]
