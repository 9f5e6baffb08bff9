"""How far a clip is from what it was: every metric of one clip, and what those of all clips need of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from benchmarks.metrics.flicker import flicker
from benchmarks.metrics.fvd import VideoFeatures
from benchmarks.metrics.pictures import DATA_RANGE, PSNR_CAP, psnr
from benchmarks.metrics.spacetime_swd import MAX_CLIPS, spacetime_patches
from benchmarks.metrics.ssim import MS_SSIM_MIN_SIZE, SSIM_MIN_SIZE, ms_ssim, ssim
from benchmarks.metrics.unmeasured import Unmeasured
from benchmarks.protocols.signals import Coded, Fidelity

Frames = UInt8[Tensor, "t 3 h w"]

FRAMES_AT_ONCE = 16
"""In float64, which bounds the memory."""

FRAME_METRICS: Mapping[str, tuple[Callable[[Tensor, Tensor], Tensor], int]] = {
    "psnr": (psnr, 1),
    "ssim": (ssim, SSIM_MIN_SIZE),
    "ms_ssim": (ms_ssim, MS_SSIM_MIN_SIZE),
}
"""Those of pictures, and the least side in pixels that each needs."""


class FilmFidelity:
    """The metrics of single clips, and what those of all clips need of each.

    Args:
        features: Of FVD's network, where it is at hand.
    """

    def __init__(self, features: VideoFeatures | None) -> None:
        self.features = features

    def __call__(self, clip: Coded) -> Fidelity:
        """The numbers of a clip. Kept of it are `frame/NAME`, a number for each frame, and under the name of a metric
        of all clips what that needs of original and reconstruction."""
        wanted, made = (of.movedim(1, 0) for of in (clip.original, clip.reconstruction))
        numbers, unmeasured = {"psnr_clip": psnr_clip(made, wanted)}, {}
        kept: dict[str, Any] = {}
        for name, (metric, least) in FRAME_METRICS.items():
            if min(wanted.shape[-2:]) < least:
                numbers[name], unmeasured[name] = math.nan, f"frames need sides of at least {least} px"
            else:
                kept[f"frame/{name}"] = of_frames = _of_frames(metric, made, wanted)
                numbers[name] = float(of_frames.mean())
        try:
            numbers["flicker"] = flicker(made, wanted)
        except Unmeasured as why:
            numbers["flicker"], unmeasured["flicker"] = math.nan, str(why)
        of_sets: dict[str, Callable[[Frames], Any]] = {}
        if clip.place < MAX_CLIPS:
            of_sets["swd"] = partial(spacetime_patches, place=clip.place)
        if self.features is not None:
            of_sets["rfvd"] = self.features
        for name, of_set in of_sets.items():
            try:
                kept[name] = of_set(wanted), of_set(made)
            except Unmeasured as why:
                unmeasured[name] = str(why)
        return Fidelity(numbers, unmeasured, kept)


def psnr_clip(made: Frames, wanted: Frames) -> float:
    """Of the squared error over all pixels of all frames, in dB, at most `PSNR_CAP`; codecs are compared by it."""
    return decibels((made.double() - wanted.double()).square().mean().item())


def decibels(error: float) -> float:
    """PSNR of a mean squared error in levels of 255, in dB, at most `PSNR_CAP`."""
    return PSNR_CAP if error == 0 else min(PSNR_CAP, 10 * math.log10(DATA_RANGE**2 / error))


def _of_frames(metric: Callable[[Tensor, Tensor], Tensor], made: Frames, wanted: Frames) -> np.ndarray:
    parts = zip(made.split(FRAMES_AT_ONCE), wanted.split(FRAMES_AT_ONCE), strict=True)
    return torch.cat([metric(*part) for part in parts]).double().numpy()
