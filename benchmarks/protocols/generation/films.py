"""The generation protocol's metric of films: clips that were drawn beside real ones.

`protocols/generation.md` says what each number means; its version is stored with every number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from benchmarks.metrics.spacetime_swd import MAX_CLIPS, Patches, spacetime_patches, spacetime_swd
from benchmarks.metrics.unmeasured import Unmeasured
from benchmarks.protocols.generation.metrics import GenerationMetrics

Clips = Iterable[UInt8[Tensor, "b 3 t h w"]]

NO_DRAWS = np.zeros((0, MAX_CLIPS), dtype=np.int64)
"""No interval is asked for."""


def film_metrics(generated: Clips, references: Clips) -> GenerationMetrics:
    """Measure a stream of drawn clips beside a stream of real ones, all of one size: of the first 1,024 of each the
    patches are kept, as many of each are compared."""
    drawn, real = _seen(generated), _seen(references)
    compared = min(len(drawn.patches), len(real.patches))
    if not compared:
        reason = drawn.problem or real.problem or "there are no clips to compare"
        return GenerationMetrics(drawn.count, real.count, {"generated_swd": None}, {"generated_swd": reason}, {})
    swd, _ = spacetime_swd(drawn.patches[:compared], real.patches[:compared], NO_DRAWS[:, :compared])
    return GenerationMetrics(drawn.count, real.count, {"generated_swd": swd}, {}, {})


@dataclass
class _Seen:
    """What is kept of a stream of clips, and why nothing is where they are too small or too short."""

    count: int = 0
    patches: list[Patches] = field(default_factory=list)
    problem: str = ""


def _seen(clips: Clips) -> _Seen:
    seen = _Seen()
    for clip in (clip for batch in clips for clip in batch):
        if seen.count < MAX_CLIPS and not seen.problem:
            try:
                seen.patches.append(spacetime_patches(clip.movedim(1, 0), seen.count))
            except Unmeasured as unmeasured:
                seen.problem = str(unmeasured)
        seen.count += 1
    return seen
