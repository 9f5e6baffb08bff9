"""Sliced Wasserstein distance of Laplacian-pyramid patches (Karras et al. 2018, section 5).

Needs no weights. The patches of a level have seven by seven pixels; each set's patches are normalised per
colour channel, projected on random directions, sorted, and compared. Where a patch lies depends only on the
picture's index in the test set and is the same in the original and its reconstruction (the paper compares
unpaired sets and draws anew for each): equal sets have distance 0, and the number depends
on neither batch size nor ranks.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Num
from torch import Tensor

MIN_SIZE = 16  # pixels of the coarsest level's shorter side
PATCH = 7
PATCHES_PER_PICTURE = 128
DIRECTIONS = 4 * 128
SCALE = 1e3  # as the authors report it
SEED = 2018
MAX_PICTURES = 8192  # the test set's first pictures, which bounds the memory

_PIXELS = 2**18  # of pictures at once: what filters make of them stays in the caches
_DIRECTIONS_AT_ONCE = 64
_RESAMPLED_DIRECTIONS = 32
_RESAMPLED_AT_ONCE = 8  # directions
_STEPS_AT_ONCE = 2048


def _smaller(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c _h _w"]:
    """Every second row and column after the filter (1, 4, 6, 4, 1) / 16 along both, with mirrored borders."""
    padded = F.pad(images, (2, 2, 2, 2), mode="reflect")
    rows, columns = padded.shape[-2:]
    padded = _filtered([padded[..., shift : rows - 4 + shift : 2, :] for shift in range(5)])
    return _filtered([padded[..., shift : columns - 4 + shift : 2] for shift in range(5)])


def _filtered(shifted: list[Tensor]) -> Tensor:
    a, b, c, d, e = shifted
    return (a + e).add_(b, alpha=4).add_(d, alpha=4).add_(c, alpha=6).div_(16)


def _larger(images: Float[Tensor, "b c h w"], height: int, width: int) -> Float[Tensor, "b c height width"]:
    """The same filter, twice as strong along each axis, of the pictures spread over every second row and column."""
    return _stretched(_stretched(images, -2, height), -1, width)


def _stretched(images: Tensor, dim: int, length: int) -> Tensor:
    """Along one axis: at the places of the pictures' pixels (1, 6, 1) / 8, between them (1, 1) / 2."""
    count = images.shape[dim]
    last = count - 1 if length % 2 == 0 else count - 2  # what a mirror at the last place shows
    padded = torch.cat([images.narrow(dim, 1, 1), images, images.narrow(dim, last, 1)], dim)
    before, after = padded.narrow(dim, 0, count), padded.narrow(dim, 2, count)
    between = (images + after).div_(2)
    woven = torch.stack([(before + after).add_(images, alpha=6).div_(8), between], dim)  # dim < 0: behind its axis
    return woven.flatten(dim - 1, dim).narrow(dim, 0, length)


def pyramid_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """(height, width) of the pyramid's levels, halved (rounded up) while the shorter side keeps 16 pixels."""
    sizes = []
    while min(height, width) >= MIN_SIZE:
        sizes.append((height, width))
        height, width = (height + 1) // 2, (width + 1) // 2
    return sizes


def laplacian_pyramid(images: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b c _h _w"]]:
    """Band-pass levels from fine to coarse, the last low-pass (Burt and Adelson 1983); borders mirrored."""
    levels = [images]
    for height, width in pyramid_sizes(*images.shape[-2:])[:-1]:
        levels.append(_smaller(levels[-1]))
        levels[-2] = levels[-2] - _larger(levels[-1], height, width)
    return levels


def laplacian_level(images: Float[Tensor, "b c h w"], level: int) -> Float[Tensor, "b c _h _w"]:
    """One of them, without the others."""
    is_last = level == len(pyramid_sizes(*images.shape[-2:])) - 1
    for _ in range(level):
        images = _smaller(images)
    return images if is_last else images - _larger(_smaller(images), *images.shape[-2:])


def patch_corners(indices: Int[np.ndarray, " n"], sizes: list[tuple[int, int]]) -> list[np.ndarray]:
    """Upper left corners of each picture's patches, per level (n, 128, 2), uniform, seeded by its index."""
    generators = [np.random.default_rng((SEED, int(index))) for index in indices]
    return [
        np.stack([g.integers(0, (h - PATCH + 1, w - PATCH + 1), (PATCHES_PER_PICTURE, 2)) for g in generators])
        for h, w in sizes
    ]


def extract_patches(level: Float[Tensor, "b c h w"], corners: Int[Tensor, "b p 2"]) -> Float[Tensor, "b*p c 7 7"]:
    """The patches at the given upper left corners (row, column)."""
    windows = level.unfold(2, PATCH, 1).unfold(3, PATCH, 1)  # a view (b, c, rows, columns, 7, 7)
    picture = torch.arange(len(level), device=level.device)[:, None]
    return windows[picture, :, corners[..., 0], corners[..., 1]].flatten(0, 1)


def normalize_patches(patches: Float[Tensor, "n c *patch"]) -> Float[Tensor, "n d"]:
    """Zero mean and unit standard deviation per colour channel over the whole set, as flat vectors.

    In place. A channel that is constant over the whole set (a collapsed tokenizer's) stays zero.
    """
    for channel in patches.unbind(1):  # one by one and in place: there may be a million patches
        std, mean = torch.std_mean(channel.flatten().double(), dim=0, correction=0)
        channel.sub_(mean.float()).div_(torch.where(std > 0, std, torch.ones_like(std)).float())
    return patches.flatten(1)


def random_directions(dim: int) -> Float[Tensor, "512 dim"]:
    """Fixed directions, uniform on the unit sphere."""
    directions = np.random.default_rng(SEED).standard_normal((DIRECTIONS, dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return torch.from_numpy(directions).float()


def _sort(rows: Float[Tensor, "d n"]) -> Float[Tensor, "d n"]:
    """Each row ascending, in place on a CPU: numpy's vectorised sort takes a quarter of torch's time."""
    if rows.device.type != "cpu":
        return rows.sort(dim=1).values
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(np.ndarray.sort, rows.numpy()))
    return rows


def sliced_wasserstein(
    a: Float[Tensor, "n dim"], b: Float[Tensor, "n dim"], directions: Float[Tensor, "d dim"]
) -> float:
    """Mean over directions of the 1-Wasserstein distance between two projected sets of equal size."""
    total = 0.0
    for some in directions.to(a).split(_DIRECTIONS_AT_ONCE):
        total += (_sort(some @ a.T) - _sort(some @ b.T)).abs().mean(dim=1, dtype=torch.float64).sum().item()
    return total / len(directions)


def resampled_wasserstein(
    a: Float[Tensor, "m dim"],
    b: Float[Tensor, "m dim"],
    directions: Float[Tensor, "d dim"],
    draws: Int[Tensor, "r n"],
) -> Float[Tensor, " r"]:
    """The same on resamples of n pictures, of which a and b hold m / n consecutive rows each.

    The distance is the integral of |F_a - F_b|, whose steps lie where the whole sets' are: one sort for all resamples.
    """
    count = len(a)
    drawn = draws.to(a).T.contiguous()
    total = a.new_zeros(len(draws), dtype=torch.float64)
    for some in directions.to(a).split(_RESAMPLED_AT_ONCE):
        for projected in torch.cat([some @ a.T, some @ b.T], dim=1):
            values, order = projected.sort()
            picture, gaps = (order % count) // (count // draws.shape[1]), values.diff()
            sign = torch.where(order < count, 1.0, -1.0).unsqueeze(1)
            difference = drawn.new_zeros(1, len(draws))
            for start in range(0, len(gaps), _STEPS_AT_ONCE):
                steps = slice(start, min(start + _STEPS_AT_ONCE, len(gaps)))
                jumps = drawn[picture[steps]].mul_(sign[steps])
                jumps[0] += difference[-1]
                difference = jumps.cumsum(0)
                total += (gaps[steps] @ difference.abs()).double()
    return total / (count * len(directions))


class SWD(NamedTuple):
    """Distance x 1000 by level, keyed by the level's shorter side, and the mean over levels on each resample."""

    levels: dict[int, float]
    resampled: Float[np.ndarray, " r"]

    @property
    def mean(self) -> float:
        """SWD: the mean over levels."""
        return float(np.mean(list(self.levels.values())))


def swd(
    originals: Num[Tensor, "n 3 h w"],
    reconstructions: Num[Tensor, "n 3 h w"],
    indices: Int[np.ndarray, " n"],
    device: torch.device | str = "cpu",
    draws: Int[np.ndarray, "r n"] | None = None,
) -> SWD:
    """SWD of all pictures, in levels from 0 to 255, and of resamples of them, how often each picture is in one being a
    row of `draws`.

    `indices` are the pictures' places in the test set, which seed the places of their patches. One level's
    patches are held at a time: n x 128 x 147 floats for each set. A resample keeps the normalisation of the whole set,
    and takes the first 32 directions. Raises ValueError below 16 pixels.
    """
    sizes = pyramid_sizes(*originals.shape[-2:])
    if not sizes:
        raise ValueError(f"SWD needs pictures of at least 16 x 16 pixels, got {tuple(originals.shape[-2:])}")
    corners = [torch.from_numpy(c) for c in patch_corners(indices, sizes)]
    counts = torch.from_numpy(np.zeros((0, len(originals)), np.int64) if draws is None else draws).to(device)

    def vectors(pictures: Tensor, level: int) -> Tensor:
        patches = torch.empty(len(pictures) * PATCHES_PER_PICTURE, 3, PATCH, PATCH, device=device)
        batch = max(1, _PIXELS // math.prod(pictures.shape[-2:]))
        for start in range(0, len(pictures), batch):
            some = slice(start, start + batch)
            found = extract_patches(
                laplacian_level(pictures[some].to(device).float(), level), corners[level][some].to(device)
            )
            patches[start * PATCHES_PER_PICTURE :][: len(found)] = found
        return normalize_patches(patches)

    directions = random_directions(3 * PATCH * PATCH)

    def distances(level: int) -> tuple[float, Tensor]:
        a, b = vectors(originals, level), vectors(reconstructions, level)
        resampled = resampled_wasserstein(a, b, directions[:_RESAMPLED_DIRECTIONS], counts)
        return SCALE * sliced_wasserstein(a, b, directions), SCALE * resampled

    found = [distances(level) for level in range(len(sizes))]
    levels = {min(size): distance for size, (distance, _) in zip(sizes, found, strict=True)}
    return SWD(levels, torch.stack([resampled for _, resampled in found]).mean(0).cpu().numpy())
