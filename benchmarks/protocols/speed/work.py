"""A work that is timed, the competitors that do it on identical inputs, and what is asked of ours."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.protocols.speed.goals import Goal

BATCHES = 8
"""Batches that a training step goes round: with one alone, dead codes would be replaced by rows that are codes."""


class Unavailable(Exception):
    """A competitor that cannot take part here; the message says why."""


@dataclass(frozen=True)
class Competitor:
    """One way to do a work.

    Attributes:
        name: one of `benchmarks.protocols.speed.names`, and after a colon what is special about it; or a quantizer's.
        given: what it is configured with, so that a reader can judge whether the comparison is fair.
        make: device -> a function that does the work once and returns what comes out. Everything that is done once
            (building, the first batch's k-means) may happen in it or in its first call. Raises `Unavailable`.
    """

    name: str
    given: str
    make: Callable[[torch.device], Callable[[], Any]]


@dataclass(frozen=True)
class Work:
    """Something to be done, and who does it.

    Attributes:
        kind: "search", "search over N", "training step", "eval", "decode", "entropy", "accumulation",
            "metrics", "encoding", "decoding", "sampling" or "coding".
        subject: which quantizer, and what else the sizes do not say.
        sizes: N positions, D channels, K codes, or whatever else measures it.
        competitors: the first is the reference that the others' times are divided by.
        goals: what is asked of the first on two CPU threads (DESIGN.md, section 4).
        long: takes minutes, so only the stored run does it.
    """

    kind: str
    subject: str
    sizes: Mapping[str, int]
    competitors: tuple[Competitor, ...]
    goals: tuple[Goal, ...] = field(default=())
    long: bool = False

    @property
    def name(self) -> str:
        sizes = " ".join(f"{name}={size}" for name, size in self.sizes.items())
        return f"{self.subject} {self.kind}, {sizes}"

    @property
    def slug(self) -> str:
        """The name as part of a file's or a test's name."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def random_rows(n: int, d: int, device: torch.device, seed: int = 0) -> Float[Tensor, "n d"]:
    """Standard normal rows; equal arguments give equal rows, so that all competitors get the same."""
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).to(device)


def random_batches(n: int, d: int, device: torch.device) -> Iterator[Float[Tensor, "n d"]]:
    """`BATCHES` such batches, over and over."""
    return cycle([random_rows(n, d, device, seed) for seed in range(BATCHES)])
