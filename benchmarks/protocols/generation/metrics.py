"""The generation protocol's metrics of pictures: generated ones beside real ones.

`protocols/generation.md` says what each number means; its version is stored with every number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from benchmarks.metrics import swd
from benchmarks.metrics.device import full_float32, measuring_device
from benchmarks.metrics.fid import FeatureSums, frechet_distance
from benchmarks.metrics.inception import FEATURES, Inception
from benchmarks.metrics.inception_score import SPLITS, inception_score
from benchmarks.metrics.precision_recall import NEIGHBOURS, precision_recall
from benchmarks.metrics.weights import MetricWeights

OF_INCEPTION = ("gfid", "precision", "recall", "inception_score", "inception_score_deviation")
METRICS = (*OF_INCEPTION, "generated_swd")
"""In the order in which they are stored."""

MAX_COMPARED = 10_000
"""The first pictures of each set, which precision and recall are of: the cost grows with their square."""

MAX_SWD = 2048
"""The first pictures of each set, which SWD is of."""

Pictures = Iterable[UInt8[Tensor, "b 3 h w"]]


@dataclass(frozen=True)
class GenerationMetrics:
    """What is measured of generated pictures.

    Attributes:
        generated: How many they are.
        references: How many real ones they are measured beside.
        metrics: Each of `METRICS`; None where it cannot be had.
        missing: Metric -> why it is None, and how to get it.
        notes: Metric -> what to know before reading it.
    """

    generated: int
    references: int
    metrics: dict[str, float | None]
    missing: dict[str, str]
    notes: dict[str, str]


@dataclass
class _Seen:
    """What is kept of a stream of pictures."""

    sums: FeatureSums
    count: int = 0
    features: list[Float[Tensor, "b d"]] = field(default_factory=list)
    logits: list[Float[Tensor, "b c"]] = field(default_factory=list)
    pictures: list[UInt8[Tensor, "b 3 h w"]] = field(default_factory=list)


@torch.no_grad()
def generation_metrics(
    generated: Pictures,
    references: Pictures,
    *,
    weights: MetricWeights,
    device: torch.device | str,
    progress: Callable[[int], None] | None = None,
) -> GenerationMetrics:
    """Measure a stream of generated pictures beside a stream of real ones, batch by batch.

    Of each set the sums for gFID are kept, the first 10,000 features and 2,048 pictures, and of the generated ones the
    logits: memory grows by 4 kB with each of them.

    Args:
        generated: 8-bit, all of one size.
        references: 8-bit, of the same size.
        weights: Files; without Inception its metrics are None, with the reason.
        progress: Called with the number of pictures of every batch done, of both streams.

    Raises:
        ValueError: a set without pictures, or pictures of two sizes.
    """
    device = measuring_device(torch.device(device))
    with full_float32():
        inception = None if weights.inception is None else Inception(weights.inception).to(device)
        fake, real = (
            _see(pictures, inception, device, with_logits, progress)
            for pictures, with_logits in ((generated, True), (references, False))
        )
        shapes = {tuple(batch.shape[1:]) for seen in (fake, real) for batch in seen.pictures}
        if not fake.count or not real.count:
            raise ValueError(
                f"generated pictures are measured beside real ones, got {fake.count} generated and {real.count} real"
            )
        if len(shapes) > 1:
            raise ValueError(f"generated and real pictures must have one size, got {sorted(shapes)}")
        found = GenerationMetrics(fake.count, real.count, dict.fromkeys(METRICS), {}, {})
        if inception is None:
            found.missing.update(dict.fromkeys(OF_INCEPTION, weights.missing["rfid"]))
        else:
            _add_inception(found, fake, real)
        _add_swd(found, fake, real, device)
    return found


def _see(
    pictures: Pictures,
    inception: Inception | None,
    device: torch.device,
    with_logits: bool,
    progress: Callable[[int], None] | None,
) -> _Seen:
    seen = _Seen(FeatureSums.zeros(FEATURES, device))
    for batch in pictures:
        if inception is not None:
            features = inception(batch.to(device))
            seen.sums.update(features)
            if seen.count < MAX_COMPARED:
                seen.features.append(features)
            if with_logits:
                seen.logits.append(inception.logits(features).cpu())
        if seen.count < MAX_SWD:
            seen.pictures.append(batch.cpu())
        seen.count += len(batch)
        if progress is not None:
            progress(len(batch))
    return seen


def _add_inception(found: GenerationMetrics, fake: _Seen, real: _Seen) -> None:
    fewest = min(fake.count, real.count)
    if fewest < 2:
        found.missing["gfid"] = f"gfid needs at least 2 pictures of each kind for a covariance, got {fewest}"
    else:
        found.metrics["gfid"] = frechet_distance(fake.sums, real.sums)
        if fewest <= FEATURES:
            found.notes["gfid"] = (
                f"from {fake.count} generated and {real.count} real pictures, of one kind no more than Inception has "
                "features: biased upwards, to be compared only at equal numbers and with the same real pictures"
            )
    if fewest <= NEIGHBOURS:
        reason = f"needs more than {NEIGHBOURS} pictures of each kind, got {fewest}"
        found.missing.update({name: f"{name} {reason}" for name in ("precision", "recall")})
    else:
        compared = min(fewest, MAX_COMPARED)
        originals, made = (torch.cat(seen.features)[:compared] for seen in (real, fake))
        found.metrics["precision"], found.metrics["recall"] = precision_recall(originals, made)
        note = f"of the first {compared} pictures of each kind: to be compared only at equal numbers"
        found.notes.update(dict.fromkeys(("precision", "recall"), note))
    score = ("inception_score", "inception_score_deviation")
    if fake.count < SPLITS:
        reason = f"inception_score needs at least {SPLITS} pictures, one for each split, got {fake.count}"
        found.missing.update(dict.fromkeys(score, reason))
    else:
        found.metrics.update(dict(zip(score, inception_score(torch.cat(fake.logits)), strict=True)))


def _add_swd(found: GenerationMetrics, fake: _Seen, real: _Seen, device: torch.device) -> None:
    pictures = [torch.cat(seen.pictures) for seen in (real, fake)]
    side = min(pictures[0].shape[-2:])
    if side < swd.MIN_SIZE:
        least = f"{swd.MIN_SIZE} x {swd.MIN_SIZE}"
        found.missing["generated_swd"] = (
            f"generated_swd needs pictures of at least {least} pixels, got a side of {side}"
        )
        return
    compared = min(fake.count, real.count, MAX_SWD)
    originals, made = (each[:compared] for each in pictures)
    found.metrics["generated_swd"] = swd.swd(originals, made, np.arange(compared), device).mean
    found.notes["generated_swd"] = f"of the first {compared} pictures of each kind, compared only at equal numbers"
