"""What the generation protocol draws."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoencoders.ranges import Count, check_ranges
from priors import Sampling


@dataclass(frozen=True)
class GenerationConfig:
    """What is generated."""

    count: Count = 50_000
    """Pictures."""
    batch_size: Count = 64
    """Pictures drawn at a time; another size gives other pictures of the same distribution."""
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        check_ranges(self)
