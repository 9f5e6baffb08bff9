"""What a source-coding run is trained with."""

from __future__ import annotations

from dataclasses import dataclass

from autoencoders.ranges import Count, PartialShare, Weight, check_ranges

TEST_SEED = 2**32 - 1
"""Of the test vectors' random numbers; no run's seed."""


@dataclass(frozen=True)
class Training:
    """How long and how fast every codec is trained."""

    vectors: Count = 512_000
    """Training vectors shown; every quantizer is shown the same ones."""
    batch_size: Count = 256
    """Vectors of one optimizer step."""
    learning_rate: Weight = 0.01
    """Of Adam at the first step; it falls to 0 by half a cosine."""
    betas: tuple[PartialShare, PartialShare] = (0.9, 0.99)
    """Adam's betas."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        check_ranges(self)
        if self.batch_size > self.vectors:
            raise ValueError(
                f"train.vectors is {self.vectors} and train.batch_size {self.batch_size}: at least one whole batch is "
                "needed"
            )

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return self.vectors // self.batch_size
