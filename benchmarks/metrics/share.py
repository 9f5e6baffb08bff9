"""One rank's pass over its share of the test set: the tokenizer runs once, every metric sees its pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from autoencoders import Tokenizer, TokenizerOutput
from benchmarks.metrics import fid, lpips, swd
from benchmarks.metrics import pictures as fidelity
from benchmarks.metrics.codes import code_maps, has_codebook
from benchmarks.metrics.fid import FeatureSums
from benchmarks.metrics.inception import FEATURES, Inception
from benchmarks.weights import MetricWeights

MIN_SIZE = {
    "psnr": 1,
    "ssim": fidelity.SSIM_MIN_SIZE,
    "ms_ssim": fidelity.MS_SSIM_MIN_SIZE,
    "lpips": lpips.MIN_SIZE,
    "swd": swd.MIN_SIZE,
}
"""The shorter side in pixels that each metric needs."""


@dataclass(frozen=True)
class Share:
    """What one rank measured, on the CPU, picture by picture where it is to be resampled."""

    indices: np.ndarray
    per_image: dict[str, np.ndarray]
    codes: list[np.ndarray] | None
    """As `code_maps` gives them, those of each map of the tokenizer after the other; None without a codebook."""
    features: tuple[FeatureSums, FeatureSums] | None
    feature_rows: tuple[Tensor, Tensor] | None
    """Of the pictures whose place is below `fid.MAX_RESAMPLED`."""
    kept_indices: np.ndarray
    kept: tuple[Tensor, Tensor]
    """Pictures that SWD or the samples need."""
    grids: list[tuple[int, ...]]
    """Sides of the grid of positions of each code map."""
    missing: dict[str, str]


@contextmanager
def full_float32() -> Iterator[None]:
    """No TensorFloat-32 and the same convolution algorithm every time: two GPUs shall agree."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)


def measuring_device(device: torch.device) -> torch.device:
    """Where metrics are computed: beside the tokenizer if float64 exists there, else on the CPU."""
    return device if device.type == "cuda" else torch.device("cpu")


def _picture_metrics(
    size: Sequence[int], weights: MetricWeights, device: torch.device
) -> tuple[dict[str, Callable[[Tensor, Tensor], Tensor]], dict[str, str]]:
    """The metrics that this size and these weights allow, and why not the others."""
    missing = {
        metric: f"{metric} needs pictures of at least {least} x {least} pixels, got {size[0]} x {size[1]}"
        for metric, least in MIN_SIZE.items()
        if min(size) < least
    }
    metrics: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "psnr": fidelity.psnr,
        "ssim": fidelity.ssim,
        "ms_ssim": fidelity.ms_ssim,
    }
    if weights.lpips_backbone is None:
        missing.setdefault("lpips", weights.missing["lpips"])
    elif "lpips" not in missing:
        metrics["lpips"] = lpips.LPIPS(weights.lpips_backbone).to(device)
    return {name: metric for name, metric in metrics.items() if name not in missing}, missing


def measure_share(
    tokenizer: Tokenizer,
    batches: Iterable[tuple[Tensor, Tensor]],
    device: torch.device,
    weights: MetricWeights,
    progress: Callable[[int], None] | None,
) -> Share | None:
    """Run the tokenizer and the streaming metrics over this rank's batches; None if it has none."""
    if tokenizer.training:
        raise ValueError("evaluate() needs the tokenizer in eval mode: call tokenizer.eval() first")
    measuring = measuring_device(device)
    inception = None if weights.inception is None else Inception(weights.inception).to(measuring)
    features = (FeatureSums.zeros(FEATURES, measuring), FeatureSums.zeros(FEATURES, measuring))
    counted = all(map(has_codebook, tokenizer.quantizers))
    codes: list[list[np.ndarray]] = []
    rows: tuple[list[Tensor], list[Tensor]] = ([], [])
    values: dict[str, list[Tensor]] = defaultdict(list)
    indices: list[Tensor] = []
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    metrics = None
    for places, originals in batches:
        places = places.cpu()
        if metrics is None:
            metrics, missing = _picture_metrics(originals.shape[-2:], weights, measuring)
        originals = originals.to(device, non_blocking=True)
        output: TokenizerOutput = tokenizer(fidelity.to_unit_range(originals))
        reconstructions = fidelity.to_uint8(output.images).to(measuring)
        originals = originals.to(measuring)
        for name, metric in metrics.items():
            values[name].append(metric(reconstructions, originals))
        if inception is not None:
            for pictures, sums, kept_rows in zip((originals, reconstructions), features, rows, strict=True):
                found = inception(pictures)
                sums.update(found)
                kept_rows.append(found.cpu()[places < fid.MAX_RESAMPLED])
        if counted:
            of_maps = map(code_maps, output.codes, tokenizer.quantizers)
            codes.append([found for maps in of_maps for found in maps])
        indices.append(places)
        keep = places < swd.MAX_PICTURES
        if keep.any():
            kept.append((places[keep], originals.cpu()[keep], reconstructions.cpu()[keep]))
        if progress is not None:
            progress(len(places))
    if metrics is None:
        return None
    kept_places, kept_originals, kept_reconstructions = (
        (torch.cat(part) for part in zip(*kept, strict=True)) if kept else [originals.new_zeros(0).cpu()] * 3
    )
    return Share(
        indices=torch.cat(indices).numpy(),
        per_image={name: torch.cat(parts).double().cpu().numpy() for name, parts in values.items()},
        codes=[np.concatenate(parts) for parts in zip(*codes, strict=True)] if counted else None,
        features=None if inception is None else (features[0].cpu(), features[1].cpu()),
        feature_rows=None if inception is None else (torch.cat(rows[0]), torch.cat(rows[1])),
        kept_indices=kept_places.numpy(),
        kept=(kept_originals, kept_reconstructions),
        grids=[tuple(codes.shape[2:]) for codes in output.codes],
        missing=missing if inception is not None else {**missing, "rfid": weights.missing["rfid"]},
    )
