"""One rank's pass over its share of the test set: every metric sees each batch once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from benchmarks.metrics import fid, lpips, pictures as fidelity, ssim, swd
from benchmarks.metrics.codes import code_maps, has_codebook
from benchmarks.metrics.device import measuring_device
from benchmarks.metrics.fid import FeatureSums
from benchmarks.metrics.inception import FEATURES, Inception
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.reconstruction.pairs import Pairs
from benchmarks.protocols.reconstruction.parts import Part, PartStore, Share, join
from benchmarks.protocols.reconstruction.references import References
from quantizers import Quantizer

MIN_SIZE = {
    "psnr": 1,
    "ssim": ssim.SSIM_MIN_SIZE,
    "ms_ssim": ssim.MS_SSIM_MIN_SIZE,
    "lpips": lpips.MIN_SIZE,
    "swd": swd.MIN_SIZE,
}
"""The shorter side in pixels that each metric needs."""

PictureMetrics = dict[str, Callable[[Tensor, Tensor], Tensor]]


def _picture_metrics(
    size: Sequence[int], weights: MetricWeights, device: torch.device
) -> tuple[PictureMetrics, dict[str, str]]:
    """The metrics that this size and these weights allow, and why not the others."""
    missing = {
        metric: f"{metric} needs pictures of at least {least} x {least} pixels, got {size[0]} x {size[1]}"
        for metric, least in MIN_SIZE.items()
        if min(size) < least
    }
    metrics: PictureMetrics = {
        "psnr": fidelity.psnr,
        "ssim": ssim.ssim,
        "ms_ssim": ssim.ms_ssim,
    }
    if weights.lpips_backbone is None:
        missing.setdefault("lpips", weights.missing["lpips"])
    elif "lpips" not in missing:
        metrics["lpips"] = lpips.LPIPS(weights.lpips_backbone).to(device)
    if weights.inception is None:
        missing["rfid"] = weights.missing["rfid"]
    return {name: metric for name, metric in metrics.items() if name not in missing}, missing


def _measure_batch(
    batch: Pairs,
    metrics: PictureMetrics,
    inception: Inception | None,
    references: References | None,
    share: Share,
    quantizers: Sequence[Quantizer],
    crop: Sequence[int],
) -> Part:
    """What is kept of a batch; its features are added to the sums of the share."""
    places, originals, reconstructions, codes = batch
    places = places.cpu()
    rows: list[Tensor] = []
    central = [fidelity.central(pictures, crop) for pictures in (originals, reconstructions)]
    if inception is not None and share.features is not None:
        known = None if references is None else references.features(places)
        features = inception(central[0]) if known is None else known, inception(central[1])
        for found, sums in zip(features, share.features, strict=True):
            sums.update(found)
            rows.append(found.cpu()[places < fid.MAX_RESAMPLED])
    keep = places < swd.MAX_PICTURES
    return Part(
        indices=places,
        per_image={name: metric(reconstructions, originals).double().cpu() for name, metric in metrics.items()},
        codes=[torch.from_numpy(found) for maps in map(code_maps, codes, quantizers) for found in maps],
        rows=rows,
        kept_indices=places[keep],
        kept=[pictures.cpu()[keep] for pictures in central],
    )


def _add_latents(share: Share, quantizers: Sequence[Quantizer], codes: Sequence[Tensor], device: torch.device) -> None:
    """Add the vectors that the codes of a batch stand for to sums on a device that has float64."""
    share.latents = share.latents or [FeatureSums.zeros(quantizer.dim, device) for quantizer in quantizers]
    for sums, quantizer, of in zip(share.latents, quantizers, codes, strict=True):
        sums.update(quantizer.decode(of).movedim(1, -1).flatten(0, -2))


def measure_share(
    pairs: Iterable[Pairs],
    quantizers: Sequence[Quantizer],
    device: torch.device,
    weights: MetricWeights,
    progress: Callable[[int], None] | None,
    store: PartStore | None = None,
    references: References | None = None,
    crop: Sequence[int] | None = None,
) -> Share | None:
    """The streaming metrics over this rank's batches; None if it has none.

    Args:
        quantizers: Of the code maps; none where no codes are to be counted.
        store: Where finished parts are kept, and the first ones may be already; `pairs` go on after these.
        references: Inception features of the originals, where they are known.
        crop: As for `evaluate_pairs`; it decides, too, which metrics the pictures are large enough for.
    """
    measuring = measuring_device(device)
    inception = None if weights.inception is None else Inception(weights.inception).to(measuring)
    counted = quantizers if all(map(has_codebook, quantizers)) else ()
    share = Share.empty(None if inception is None else FEATURES) if store is None else store.resume()
    share.to(measuring)
    batches: list[Part] = []
    metrics: PictureMetrics | None = None
    for batch in pairs:
        crop = crop or batch.originals.shape[-2:]
        if metrics is None:
            metrics, share.missing = _picture_metrics(crop, weights, measuring)
        share.grids = [tuple(codes.shape[2:]) for codes in batch.codes]
        _add_latents(share, quantizers, batch.codes, measuring)
        batch = batch._replace(
            originals=batch.originals.to(measuring),
            reconstructions=batch.reconstructions.to(measuring),
            codes=batch.codes if counted else [],
        )
        batches.append(_measure_batch(batch, metrics, inception, references, share, counted, crop))
        if store is not None and store.is_due(batches):
            store.add(share, join(batches))
            batches = []
        if progress is not None:
            progress(len(batch.places))
    if batches and store is not None:
        store.add(share, join(batches))
    elif batches:
        share.parts.append(join(batches))
    share.to(torch.device("cpu"))
    return share if share.parts else None
