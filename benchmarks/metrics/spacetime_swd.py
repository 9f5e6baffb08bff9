"""Sliced Wasserstein distance of patches of space and time: that of pictures (`swd`) with some frames in each patch.

Each frame has its Laplacian pyramid; a patch is 7 × 7 pixels of a level in three frames one after the other, so that
how things move tells two sets apart. Where a patch lies depends only on the clip's place in the test set, and is the
same in the original and its reconstruction. Needs no weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from benchmarks.metrics.swd import (
    MIN_SIZE,
    PATCH,
    SCALE,
    SEED,
    laplacian_pyramid,
    normalize_patches,
    pyramid_sizes,
    random_directions,
    resampled_wasserstein,
    sliced_wasserstein,
)
from benchmarks.metrics.unmeasured import Unmeasured

FRAMES = 3
"""Of a patch."""

PATCHES_PER_CLIP = 128

MAX_CLIPS = 1024
"""The test set's first clips, which bounds the memory: a level of a clip has 0.2 MB of patches."""

_RESAMPLED_DIRECTIONS = 32

Patches = list[Float[np.ndarray, "p 3 t 7 7"]]
"""Of a clip, of each level from fine to coarse."""


def spacetime_patches(clip: UInt8[Tensor, "t 3 h w"], place: int) -> Patches:
    """`PATCHES_PER_CLIP` patches of each level of a clip, by its place in the test set.

    Raises:
        Unmeasured: fewer than three frames, or a side under 16 pixels.
    """
    frames, _, height, width = clip.shape
    if frames < FRAMES or min(height, width) < MIN_SIZE:
        raise Unmeasured(f"patches need {FRAMES} frames of at least {MIN_SIZE} px")
    random = np.random.default_rng((SEED, place))
    found = []
    for level, (rows, columns) in zip(laplacian_pyramid(clip.float()), pyramid_sizes(height, width), strict=True):
        most = (frames - FRAMES + 1, rows - PATCH + 1, columns - PATCH + 1)
        corners = torch.from_numpy(random.integers(0, most, (PATCHES_PER_CLIP, 3)))
        windows = level.unfold(0, FRAMES, 1).unfold(2, PATCH, 1).unfold(3, PATCH, 1)  # t, c, y, x, and the patch
        patches = windows[corners[:, 0], :, corners[:, 1], corners[:, 2]]
        found.append(patches.numpy())
    return found


def spacetime_swd(
    originals: Sequence[Patches], reconstructions: Sequence[Patches], draws: Int[np.ndarray, "r n"]
) -> tuple[float, Float[np.ndarray, " r"]]:
    """The distance × 1000, mean over levels, of all clips, and of each resample of them (the first 32 directions, the
    normalisation of the whole set).

    Args:
        originals: `spacetime_patches` of each clip, all of one size.
        reconstructions: Of the same clips.
        draws: How often each clip is in each resample.
    """
    directions = random_directions(3 * FRAMES * PATCH * PATCH)
    counts = torch.from_numpy(draws)
    whole, resampled = [], []
    for level in range(len(originals[0])):
        a, b = (
            normalize_patches(torch.from_numpy(np.concatenate([of_clip[level] for of_clip in clips])))
            for clips in (originals, reconstructions)
        )
        whole.append(SCALE * sliced_wasserstein(a, b, directions))
        resampled.append(SCALE * resampled_wasserstein(a, b, directions[:_RESAMPLED_DIRECTIONS], counts))
    return float(np.mean(whole)), torch.stack(resampled).mean(0).numpy()
