"""The work of measuring pictures: PSNR, SSIM and MS-SSIM of pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.metrics.pictures import DATA_RANGE, psnr
from benchmarks.metrics.ssim import ms_ssim, ssim
from benchmarks.protocols.speed.goals import Goal
from benchmarks.protocols.speed.names import NAIVE, OURS
from benchmarks.protocols.speed.work import Competitor, Work

TORCHMETRICS = f"{NAIVE}: torchmetrics"


def fidelity_work(n: int, side: int, goals: tuple[Goal, ...] = ()) -> Work:
    """Ours and torchmetrics' on n pairs of 8-bit pictures, the second of each the first with noise."""

    def pairs(device: torch.device) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(0)
        coarse = torch.rand(n, 3, side // 8, side // 8, generator=generator)
        smooth = 255 * torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")
        noisy = smooth + 10 * torch.randn(smooth.shape, generator=generator)
        first, second = (pictures.clamp(0, 255).to(torch.uint8).to(device) for pictures in (smooth, noisy))
        return second, first

    def ours(device: torch.device) -> Callable[[], Any]:
        given = pairs(device)
        return lambda: [metric(*given) for metric in (psnr, ssim, ms_ssim)]

    def theirs(device: torch.device) -> Callable[[], Any]:
        from torchmetrics.functional.image import (
            multiscale_structural_similarity_index_measure,
            peak_signal_noise_ratio,
            structural_similarity_index_measure,
        )

        second, first = (pictures.float() for pictures in pairs(device))
        each: dict[str, Any] = {"data_range": DATA_RANGE, "reduction": "none"}
        return lambda: [
            peak_signal_noise_ratio(second, first, dim=(1, 2, 3), **each),
            structural_similarity_index_measure(second, first, return_full_image=True, **each),
            multiscale_structural_similarity_index_measure(second, first, normalize="relu", **each),
        ]

    competitors = (
        Competitor(OURS, "benchmarks.metrics.pictures, benchmarks.metrics.ssim", ours),
        Competitor(TORCHMETRICS, "torchmetrics.functional.image", theirs),
    )
    return Work("metrics", "PSNR, SSIM and MS-SSIM", {"N": n, "side": side}, competitors, goals)
