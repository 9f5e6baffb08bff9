"""What is measured of drawn films."""

import pytest
import torch

from benchmarks.metrics.spacetime_swd import spacetime_patches, spacetime_swd
from benchmarks.protocols.generation.films import NO_DRAWS, film_metrics


def clips(count: int, frames: int = 5, side: int = 24, seed: int = 0) -> torch.Tensor:
    return torch.randint(
        256, (count, 3, frames, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


def test_equal_films_have_no_distance_and_others_that_of_the_video_protocol() -> None:
    real = clips(6)
    same = film_metrics(real.split(4), [real])
    assert (same.generated, same.references, same.metrics) == (6, 6, {"generated_swd": 0.0})
    drawn = real.float().mul(0.5).to(torch.uint8)
    found = film_metrics([drawn], real.split(1))
    patches = [[spacetime_patches(clip.movedim(1, 0), place) for place, clip in enumerate(of)] for of in (drawn, real)]
    assert found.metrics["generated_swd"] == pytest.approx(spacetime_swd(*patches, NO_DRAWS[:, :6])[0])
    still = film_metrics([real[:, :, :1].expand_as(real)], [real])
    assert still.metrics["generated_swd"] > 0  # of the same pictures, which do not move


def test_of_unequal_sets_as_many_of_each_are_compared() -> None:
    real = clips(6)
    found = film_metrics([real[:4]], [real])
    assert (found.generated, found.references, found.metrics["generated_swd"]) == (4, 6, 0.0)


@pytest.mark.parametrize("size", [{"frames": 2}, {"side": 12}])
def test_films_that_are_too_small_have_a_reason_in_place_of_a_number(size: dict[str, int]) -> None:
    found = film_metrics([clips(2, **size)], [clips(3, **size)])
    assert (found.generated, found.references) == (2, 3)
    assert found.metrics == {"generated_swd": None}
    assert "3 frames of at least 16 px" in found.missing["generated_swd"]
