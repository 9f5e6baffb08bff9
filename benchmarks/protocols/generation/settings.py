"""What the generation protocol draws from a trained prior."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from autoencoders.ranges import Count, Seed, check_ranges
from priors import Sampling


@dataclass(frozen=True)
class GenerationConfig:
    """What is generated. Nothing of it enters the training of a prior."""

    count: Count = 50_000
    """Pictures, or sounds."""
    batch_size: Count = 64
    """Of them drawn at a time; another size gives others of the same distribution."""
    seed: Seed | None = None
    """Of what is drawn; by default that of the prior's training."""
    classes: Annotated[tuple[str, ...], tyro.conf.arg(name="class", prefix_name=False)] = ()
    """Pictures of these classes only, of each in turn: their names, or their numbers from 0. By default all."""
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        check_ranges(self)
