"""The reconstruction protocol: a tokenizer and a test set in, every metric out.

`protocols/reconstruction.md` says what each number means; its version is stored with every number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any, NamedTuple, cast

import numpy as np
import torch
import torch.distributed as dist
from jaxtyping import UInt8
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.metrics import fid, swd
from benchmarks.metrics.codes import (
    CodeHistogram,
    code_density,
    effective_rank,
    nominal_bits,
    picture_bits,
    resampled_usage,
)
from benchmarks.metrics.device import full_float32, measuring_device
from benchmarks.metrics.fid import FeatureSums
from benchmarks.metrics.inception import FEATURES
from benchmarks.metrics.speed import measure_speed
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.reconstruction.pairs import Batches, Pairs, reconstructed
from benchmarks.protocols.reconstruction.parts import FeatureRows, Part, PartStore, Share, load_part
from benchmarks.protocols.reconstruction.references import References
from benchmarks.protocols.reconstruction.share import measure_share
from benchmarks.records.resampling import draws
from quantizers import Quantizer

__all__ = ["PROTOCOL", "Evaluation", "MetricWeights", "evaluate", "measure_speed"]

PROTOCOL = "reconstruction/1"
SAMPLES = 8  # pictures kept to look at

OF_CODES = ("usage", "perplexity", "effective_rank", "bpp", "bpp_entropy")
METRICS = ("psnr", "ssim", "ms_ssim", "lpips", "rfid", "swd", *OF_CODES)
"""In the order in which they are stored."""


@dataclass(frozen=True)
class Evaluation:
    """What the protocol measures of a tokenizer on a test set."""

    pictures: int
    metrics: dict[str, float | None]
    missing: dict[str, str]
    """Metric -> why it is None, and how to get it."""
    notes: dict[str, str]
    """Metric -> what to know before reading it, such as a test set too small for it."""
    per_image: dict[str, np.ndarray]
    """Metric -> float64 (pictures,), in the order of the test set."""
    resampled: dict[str, np.ndarray]
    """Metric that is no mean over pictures -> its values on the first of the fixed resamples of the test set."""
    code_counts: np.ndarray | None
    """int64 (codes_per_position, codebook_size); None above 2^20 codes and where there is no codebook."""
    samples: tuple[UInt8[Tensor, "n 3 h w"], UInt8[Tensor, "n 3 h w"]]
    """The test set's first pictures and their reconstructions."""

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored beside a record of it, by name."""
        originals, reconstructions = self.samples
        counts = {} if self.code_counts is None else {"code_counts": np.asarray(self.code_counts)}
        return {
            **{f"image/{name}": values for name, values in self.per_image.items()},
            **{f"resampled/{name}": values for name, values in self.resampled.items()},
            "samples/original": np.asarray(originals),
            "samples/reconstruction": np.asarray(reconstructions),
            **counts,
        }


@torch.no_grad()
def evaluate(
    tokenizer: Tokenizer,
    batches: Batches,
    *,
    device: torch.device | str,
    rank: int = 0,
    world_size: int = 1,
    weights: MetricWeights,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Measure a tokenizer under the reconstruction protocol: crops, tokenizer, rounding to 8 bits, metrics.

    Every rank calls it with its share of the test set and gets the same result, which depends neither on the
    batch size nor on the number of ranks (beyond rounding of the network's own arithmetic).

    Args:
        tokenizer: On `device`, in eval mode, in float32.
        batches: (places in the test set, 8-bit pictures); all of one size, and each picture on one rank once.
        weights: Files for LPIPS and rFID; what is absent leaves its metric None with the reason.
        progress: Called on each rank with the number of pictures of every batch done.

    Raises:
        ValueError: tokenizer in training mode, no picture, a picture twice, or a reconstruction that is not
            finite. Raised on all ranks.
    """
    pairs = reconstructed(tokenizer, batches, torch.device(device))
    return evaluate_pairs(
        pairs,
        tokenizer.quantizers,
        device=device,
        rank=rank,
        world_size=world_size,
        weights=weights,
        progress=progress,
    )


@torch.no_grad()
def evaluate_pairs(
    pairs: Iterable[Pairs],
    quantizers: Sequence[Quantizer],
    *,
    device: torch.device | str,
    rank: int = 0,
    world_size: int = 1,
    weights: MetricWeights,
    progress: Callable[[int], None] | None = None,
    store: PartStore | None = None,
    references: References | None = None,
) -> Evaluation:
    """Measure reconstructions beside their originals; otherwise as `evaluate`.

    Args:
        pairs: This rank's share of the pictures; after the first `store.pictures` of it where there is a store.
        quantizers: Of the code maps, one for each; none where there are pictures alone.
        store: Where finished parts are kept, so that a pass that is killed goes on.
        references: The originals' Inception features, if they are known already; else they are kept there.
    """
    if world_size > 1 and not dist.is_initialized():
        raise ValueError(f"evaluate() got world_size={world_size}, but torch.distributed is not initialised")
    device = torch.device(device)
    with full_float32():
        share = _outcome(measure_share, pairs, quantizers, device, weights, progress, store, references)
        shares = _gather(share, rank, world_size)
        whole = shares and _outcome(_combine, shares, quantizers, measuring_device(device), references)
    evaluation = _broadcast(whole, world_size)
    if isinstance(evaluation, ValueError):
        raise evaluation
    return cast(Evaluation, evaluation)


def _outcome(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result, or the ValueError: carried to the other ranks, which would wait for this one for ever."""
    try:
        return function(*arguments)
    except ValueError as error:
        return error


def _gather(share: Any, rank: int, world_size: int) -> list[Any] | None:
    """All ranks' shares on rank 0, None elsewhere."""
    if world_size == 1:
        return [share]
    shares = [None] * world_size if rank == 0 else None
    dist.gather_object(share, shares, dst=0)
    return shares


def _broadcast(outcome: Any, world_size: int) -> Any:
    if world_size == 1:
        return outcome
    outcomes = [outcome]
    dist.broadcast_object_list(outcomes, src=0)
    return outcomes[0]


def _combine(
    shares: Sequence[Share | ValueError | None],
    quantizers: Sequence[Quantizer],
    device: torch.device,
    references: References | None,
) -> Evaluation:
    """The whole test set's numbers from the ranks' shares."""
    for share in shares:
        if isinstance(share, ValueError):
            raise share
    present = [share for share in shares if isinstance(share, Share)]
    if not present:
        raise ValueError("evaluate() got no picture: the test set is empty")
    stored = [part for share in present for part in share.parts]
    parts = [replace(load_part(part), rows=[]) for part in stored]
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

    kept_indices = torch.cat([part.kept_indices for part in parts]).numpy()
    kept_order = np.argsort(kept_indices)
    originals, reconstructions = (torch.cat([part.kept[i] for part in parts])[kept_order] for i in (0, 1))
    if "swd" not in measured.missing:
        found = swd.swd(originals, reconstructions, kept_indices[kept_order], device, draws(len(originals)))
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
        samples=(originals[:SAMPLES], reconstructions[:SAMPLES]),
    )


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
