"""Metrics of films by hand: flicker, patches of space and time in float64, and the network of FVD from a file."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.metrics.flicker import flicker
from benchmarks.metrics.fvd import VideoFeatures
from benchmarks.metrics.spacetime_swd import FRAMES, spacetime_patches, spacetime_swd
from benchmarks.metrics.swd import PATCH, laplacian_pyramid, random_directions
from benchmarks.metrics.unmeasured import Unmeasured
from benchmarks.records.resampling import draws


def clips(count: int, frames: int = 5, side: int = 32, seed: int = 0) -> Tensor:
    """8-bit noise, smooth in time and space: (count, frames, 3, side, side)."""
    coarse = torch.rand(count, 3, frames, 6, 6, generator=torch.Generator().manual_seed(seed))
    smooth = nn.functional.interpolate(coarse, (frames, side, side), mode="trilinear")
    return (255 * smooth).round().to(torch.uint8).movedim(1, 2)


def test_flicker_by_hand() -> None:
    one, other = clips(1)[0], clips(1, seed=1)[0]
    changes = [np.diff(clip.numpy().astype(np.float64), axis=0) for clip in (one, other)]
    assert flicker(one, other) == pytest.approx(np.abs(changes[0] - changes[1]).mean(), rel=1e-12)
    assert flicker(one // 2 + 20, one // 2) == 0
    with pytest.raises(Unmeasured, match="single frame"):
        flicker(one[:1], one[:1])


def test_patches_are_cut_from_each_level_of_each_frame() -> None:
    clip = clips(1)[0]
    levels = laplacian_pyramid(clip.float())
    for level, patches in zip(levels, spacetime_patches(clip, 7), strict=True):
        assert patches.shape == (128, 3, FRAMES, PATCH, PATCH)
        rows, columns = level.shape[-2:]
        everything = {
            level[t : t + FRAMES, :, y : y + PATCH, x : x + PATCH].movedim(0, 1).numpy().tobytes()
            for t in range(len(clip) - FRAMES + 1)
            for y in range(rows - PATCH + 1)
            for x in range(columns - PATCH + 1)
        }
        found = {patch.tobytes() for patch in patches}
        assert found <= everything
        assert len(found) > min(50, len(everything) // 3)


def test_places_depend_on_the_clip_alone() -> None:
    clip = clips(1)[0]
    assert np.array_equal(spacetime_patches(clip, 3)[0], spacetime_patches(clip, 3)[0])
    assert not np.array_equal(spacetime_patches(clip, 3)[0], spacetime_patches(clip, 4)[0])


def distance(one: list, other: list) -> float:
    """The definition in float64, direction by direction."""
    directions = random_directions(3 * FRAMES * PATCH * PATCH).double().numpy()
    of_levels = []
    for level in range(len(one[0])):
        rows = []
        for patches in (one, other):
            whole = np.concatenate([of_clip[level] for of_clip in patches]).astype(np.float64)
            whole -= whole.mean((0, 2, 3, 4), keepdims=True)
            whole /= whole.std((0, 2, 3, 4), keepdims=True)
            rows.append(whole.reshape(len(whole), -1))
        of_levels.append(np.mean([np.abs(np.sort(rows[0] @ d) - np.sort(rows[1] @ d)).mean() for d in directions]))
    return 1000 * float(np.mean(of_levels))


def test_distance_by_hand_and_on_resamples() -> None:
    wanted, made = clips(4), clips(4, seed=1)
    a, b = ([spacetime_patches(clip, place) for place, clip in enumerate(of)] for of in (wanted, made))
    drawn = draws(4)[:3]
    whole, resampled = spacetime_swd(a, b, np.concatenate([np.ones((1, 4), np.int16), drawn]))
    assert whole == pytest.approx(distance(a, b), rel=1e-4)
    assert resampled[0] == pytest.approx(whole, rel=0.2)  # fewer directions
    assert len(resampled) == 4
    assert spacetime_swd(a, a, drawn)[0] == 0


def test_the_order_of_frames_tells() -> None:
    """Frames shuffled in time are the same pictures, and as far away as another film."""
    wanted = clips(6, frames=8)
    shuffled = wanted[:, [3, 0, 6, 1, 7, 4, 2, 5]]
    other = clips(6, frames=8, seed=1)
    a, b, c = ([spacetime_patches(clip, n) for n, clip in enumerate(of)] for of in (wanted, shuffled, other))
    none = np.zeros((0, 6), np.int16)
    assert spacetime_swd(a, b, none)[0] > 0.7 * spacetime_swd(a, c, none)[0]


@pytest.mark.parametrize("shape", [(2, 3, 32, 32), (5, 3, 15, 32)])
def test_too_small_for_patches(shape: tuple[int, ...]) -> None:
    with pytest.raises(Unmeasured, match="patches need 3 frames of at least 16 px"):
        spacetime_patches(torch.zeros(shape, dtype=torch.uint8), 0)


class Network(nn.Module):
    """With random weights, and the interface of the file in common use."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv3d(3, 7, (4, 16, 16), (2, 16, 16))

    def forward(
        self, films: Tensor, rescale: bool = True, resize: bool = True, return_features: bool = False
    ) -> Tensor:
        assert not rescale
        assert not resize
        assert return_features
        return self.layer(films).mean((2, 3, 4))


def network_file(path) -> Network:
    torch.manual_seed(0)
    network = Network()
    torch.jit.script(network).save(str(path))
    return network


def test_the_network_sees_films_of_224_pixels_in_plus_minus_one(tmp_path) -> None:
    network = network_file(tmp_path / "i3d.pt")
    features = VideoFeatures(tmp_path / "i3d.pt")
    clip = clips(1, frames=12)[0]
    frames = nn.functional.interpolate(clip.double(), (224, 224), mode="bilinear", align_corners=False) / 127.5 - 1
    expected = network.double().layer(frames.movedim(0, 1)[None]).mean((2, 3, 4))[0]
    torch.testing.assert_close(features(clip).double(), expected.detach(), rtol=1e-4, atol=1e-5)
    assert len(features.digest) == 64
    with pytest.raises(Unmeasured, match="under 10 frames"):
        features(clip[:9])


def test_a_file_that_is_none(tmp_path) -> None:
    (tmp_path / "text.pt").write_text("no network")
    for path, words in ((tmp_path / "text.pt", "no TorchScript file"), (tmp_path / "none.pt", "there is no file")):
        with pytest.raises(ValueError, match=words):
            VideoFeatures(path)
