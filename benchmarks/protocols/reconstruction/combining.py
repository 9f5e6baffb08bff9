"""From the shares of all ranks to the numbers of the whole test set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.metrics import fid, swd
from benchmarks.metrics.codes import (
    CodeHistogram,
    code_density,
    effective_rank,
    nominal_bits,
    picture_bits,
    resampled_usage,
)
from benchmarks.metrics.fid import FeatureSums
from benchmarks.metrics.inception import FEATURES
from benchmarks.metrics.pictures import central
from benchmarks.protocols.reconstruction.measured import METRICS, OF_CODES, SAMPLE_SIZE, SAMPLES, Evaluation
from benchmarks.protocols.reconstruction.parts import FeatureRows, Part, Share, load_part
from benchmarks.protocols.reconstruction.references import References
from benchmarks.records.resampling import draws
from quantizers import Quantizer


def combine(
    shares: Sequence[Share | ValueError | None],
    quantizers: Sequence[Quantizer],
    device: torch.device,
    references: References | None,
) -> Evaluation:
    """The whole test set's numbers.

    Args:
        shares: Of every rank; None from one that had no picture, and the error of one that met it.
        quantizers: Of the code maps.
        device: Has float64.
        references: Where the originals' features are kept, if they are.

    Raises:
        ValueError: a rank's, no picture, or a picture that is missing or there twice.
    """
    for share in shares:
        if isinstance(share, ValueError):
            raise share
    present = [share for share in shares if isinstance(share, Share)]
    if not present:
        raise ValueError("evaluate() got no picture: the test set is empty")
    stored = [part for share in present for part in share.parts]
    parts = [replace(load_part(part), rows=[], kept=[]) for part in stored]
    indices = torch.cat([part.indices for part in parts]).numpy()
    order = np.argsort(indices, kind="stable")
    count = len(indices)
    if len(np.unique(indices)) < count or indices.min() != 0:
        raise ValueError(
            "evaluate() needs each picture once, with its place in the test set counted from 0; give each "
            "rank its own share, without padding"
        )
    per_image = {
        name: torch.cat([part.per_image[name] for part in parts]).numpy()[order] for name in parts[0].per_image
    }
    measured = _Measured(dict.fromkeys(METRICS), dict(present[0].missing), {}, {})
    measured.metrics.update({name: float(values.mean()) for name, values in per_image.items()})

    kept_indices, originals, reconstructions = _kept(stored)
    first, its_reconstructions = (central(of[:SAMPLES], SAMPLE_SIZE) for of in (originals, reconstructions))
    if "swd" not in measured.missing:
        found = swd.swd(originals, reconstructions, kept_indices, device, draws(len(originals)))
        measured.metrics["swd"], measured.resampled["swd"] = found.mean, found.resampled
    if "rfid" not in measured.missing:
        sums = [share.features for share in present if share.features is not None]
        rows = FeatureRows(stored, 0), FeatureRows(stored, 1)
        if references is not None:
            references.keep(stored)
        _add_rfid(measured, indices, sums, rows, device)
    code_counts = _add_codes(
        measured, parts, order, quantizers, present[0].grids, pixels=math.prod(originals.shape[-2:])
    )
    ranks = [effective_rank(reduce(add, maps)) for maps in zip(*(share.latents for share in present), strict=True)]
    measured.metrics["effective_rank"] = float(np.mean(ranks)) if ranks else None
    return Evaluation(
        pictures=count,
        metrics=measured.metrics,
        missing=measured.missing,
        notes=measured.notes,
        per_image=per_image,
        resampled=measured.resampled,
        code_counts=code_counts,
        samples=(first, its_reconstructions),
    )


def _kept(parts: Sequence[Part | Path]) -> tuple[np.ndarray, Tensor, Tensor]:
    """Places of the kept pictures, in their order, and the originals and reconstructions, of one part at a time."""
    indices = [load_part(part).kept_indices for part in parts]
    places = torch.cat(indices)
    rows = places.argsort().argsort().split([len(each) for each in indices])
    size = load_part(parts[0]).kept[0].shape[1:]
    originals, reconstructions = (torch.empty(len(places), *size, dtype=torch.uint8) for _ in (0, 1))
    for part, to in zip(parts, rows, strict=True):
        originals[to], reconstructions[to] = load_part(part).kept
    return places.sort().values.numpy(), originals, reconstructions


class _Measured(NamedTuple):
    """As of an `Evaluation`, filled in metric by metric."""

    metrics: dict[str, float | None]
    missing: dict[str, str]
    notes: dict[str, str]
    resampled: dict[str, np.ndarray]


def _add_rfid(
    measured: _Measured,
    indices: np.ndarray,
    sums: Sequence[tuple[FeatureSums, FeatureSums]],
    rows: tuple[FeatureRows, FeatureRows],
    device: torch.device,
) -> None:
    count = len(indices)
    if count < 2:
        measured.missing["rfid"] = "rfid needs at least 2 pictures for a covariance, the test set has 1"
        return
    measured.metrics["rfid"] = fid.frechet_distance(*(reduce(add, (pair[i] for pair in sums)) for i in (0, 1)))
    places = indices[indices < fid.MAX_RESAMPLED]
    drawn = draws(len(places), fid.RESAMPLES)[:, places]
    measured.resampled["rfid"] = fid.resampled_distances(*rows, drawn, device)
    if count <= FEATURES:
        measured.notes["rfid"] = (
            f"from {count} pictures, no more than Inception has features: biased upwards, to be compared "
            "only with numbers from the same pictures"
        )


def _add_codes(
    measured: _Measured,
    parts: Sequence[Part],
    order: np.ndarray,
    quantizers: Sequence[Quantizer],
    grids: Sequence[tuple[int, ...]],
    pixels: int,
) -> np.ndarray | None:
    """The counts of the codes, where they are kept."""
    if not quantizers:
        measured.missing.update(dict.fromkeys(OF_CODES, "there are pictures alone, and no codes"))
        return None
    spread = [*zip(quantizers, grids, strict=True)]
    measured.metrics["bpp"] = sum(nominal_bits(quantizer, grid) for quantizer, grid in spread) / pixels
    if not parts[0].codes:
        reason = "there is no codebook: every channel is kept as a 32-bit float"
        measured.missing.update({name: reason for name in OF_CODES if name not in ("bpp", "effective_rank")})
        return None
    maps = [torch.cat(found).numpy()[order] for found in zip(*(part.codes for part in parts), strict=True)]
    histogram = CodeHistogram.of(maps)
    size = quantizers[0].codebook_size
    measured.metrics["usage"] = histogram.usage(size)
    measured.metrics["perplexity"] = histogram.perplexity()
    measured.metrics["bpp_entropy"] = float(picture_bits(histogram.entropies(), spread)) / pixels
    usages, entropies = resampled_usage(maps, draws(len(order)), size)
    measured.resampled["usage"] = usages.mean(0)
    measured.resampled["perplexity"] = np.exp2(entropies).mean(0)
    measured.resampled["bpp_entropy"] = picture_bits(entropies, spread) / pixels
    densities = (code_density(quantizer, grid).min() * math.prod(grid) for quantizer, grid in spread)
    seen = round(len(order) * min(densities))
    if seen < 10 * size:
        measured.notes["usage"] = (
            f"{seen} positions for {size} codes: usage, perplexity and entropy tend to be higher on a larger test set"
        )
    return histogram.dense(size)
