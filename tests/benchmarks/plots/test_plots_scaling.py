"""Quality over the length of the training: which runs make a line, and how far two lengths agree."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sound_runs import store_sound_run

from benchmarks.plots import figures
from benchmarks.plots.scaling import quality_over_length, scales
from benchmarks.records.record import Record, read_records

RNG = np.random.default_rng(0)
PICTURES = RNG.standard_normal(50)
QUALITY = {"vq": 20.0, "fsq": 19.5, "rq": 19.0, "lfq": 18.0}


def lengths(store: Callable, quality: dict[int, dict[str, float]], **settings: object) -> list:
    """A stored run for each length and quantizer, 50 pictures around its mean."""
    return [
        store(
            name,
            settings=f"{images}",
            changes={"train.images": images},
            settings_stored={"train": {"images": images, "batch_size": 16}, **settings},
            training_images=images,
            metrics={"psnr": mean},
            arrays={"image/psnr": mean + PICTURES - PICTURES.mean()},
        )
        for images, of in quality.items()
        for name, mean in of.items()
    ]


def test_runs_of_several_lengths_belong_together(store: Callable) -> None:
    stored = lengths(store, {100: QUALITY, 300: QUALITY | {"gumbel": 17.0}}) + lengths(store, {900: QUALITY}, dim=8)
    (found,) = scales(stored)
    assert list(found.runs) == [100, 300]
    assert set(found.runs[300]) == {*QUALITY, "gumbel"}
    assert "train.images" not in found.title
    assert "10 bits" in found.title


def test_runs_of_one_length_make_no_picture(store: Callable) -> None:
    assert scales(lengths(store, {100: QUALITY})) == []


def test_runs_on_sounds_make_none_either(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    for seed, images in enumerate((100, 300)):

        def of_length(*of: object, images: int = images, **fields: object) -> Record:
            return make_record(*of, **{**fields, "training_images": images})

        store_sound_run(tmp_path, of_length, seed=seed)
    stored = read_records([tmp_path])[0]
    assert len({record.training_images for _, record in stored}) == 2
    assert scales(stored) == []


def test_an_order_that_stays_or_turns_round(store: Callable) -> None:
    turned = dict(zip(QUALITY, reversed(QUALITY.values()), strict=True))
    stored = lengths(store, {100: QUALITY, 300: QUALITY, 900: turned})
    stored += lengths(store, {100: {"none": 25.0}, 900: {"none": 26.0}})  # the ceiling has no part in the order
    (found,) = scales(stored)
    assert found.correlation(300) == pytest.approx((1, 1, 1))
    assert found.correlation(900) == pytest.approx((-1, -1, -1))


def test_two_quantizers_have_no_order_to_speak_of(store: Callable) -> None:
    (found,) = scales(lengths(store, {100: {"vq": 20.0, "fsq": 19.0}, 300: {"vq": 20.0, "fsq": 19.0}}))
    assert found.correlation(300) is None


def test_the_picture_has_a_line_for_each_method_and_a_level_for_each_baseline(store: Callable) -> None:
    stored = lengths(store, {100: QUALITY | {"none": 25.0}, 300: QUALITY})
    stored += lengths(store, {100: {"kmeans": 18.5}})
    (found,) = scales(stored)
    (panel,) = quality_over_length(found).axes
    assert len(panel.containers) == len(QUALITY) + 1
    assert [line.get_ydata()[0] for line in panel.lines if len(set(line.get_ydata())) == 1].count(18.5) == 1
    assert "run" not in {stem for stem, _, _ in figures(stored)}
    assert any(stem.endswith("-length") for stem, _, _ in figures(stored))
