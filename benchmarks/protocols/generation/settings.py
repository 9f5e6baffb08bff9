"""What the generation protocol draws."""

from __future__ import annotations

from dataclasses import dataclass, field

from priors import Sampling


@dataclass(frozen=True)
class GenerationConfig:
    """What is generated."""

    count: int = 50_000
    """Pictures."""
    batch_size: int = 64
    """Pictures drawn at a time; another size gives other pictures of the same distribution."""
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        if self.count < 1 or self.batch_size < 1:
            raise ValueError(
                "generation.count and generation.batch-size take numbers from 1, "
                f"not {self.count} and {self.batch_size}"
            )
