"""Works of sampling from a GPT prior: with the past kept, and by a forward pass over all of it for each token."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Int64
from torch import Tensor

from benchmarks.protocols.speed.goals import Goal
from benchmarks.protocols.speed.names import NAIVE, OURS
from benchmarks.protocols.speed.work import Competitor, Work
from priors import GPT, CodeLayout, GPTConfig, Sampling
from priors.sampling import draw, filter_logits

SIDE, CODES = 16, 1024
"""Of the code map: the 256 tokens of 256 pixels at f16, the codebook of the VQGAN."""

HEAD_WIDTH = 64


def make_gpt(width: int, layers: int, device: torch.device, side: int = SIDE) -> GPT:
    """A fresh GPT over a square map, always the same: what it has learned costs nothing."""
    config = GPTConfig(width=width, layers=layers, heads=width // HEAD_WIDTH)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        prior = GPT(config, CodeLayout(((side, side),), 1, CODES))
    return prior.to(device).eval()


@torch.no_grad()
def sample_without_cache(
    prior: GPT, count: int, sampling: Sampling, generator: torch.Generator
) -> Int64[Tensor, "b p d"]:
    """The pictures that `prior.sample` draws, by a whole forward pass over all tokens so far for each new one."""
    layout = prior.layout
    tokens = torch.zeros(count, layout.positions, layout.depth, dtype=torch.int64, device=generator.device)
    for position in range(layout.positions):
        for slot in range(layout.depth):
            logits = prior(tokens[:, : position + 1])[:, position, slot]
            tokens[:, position, slot] = draw(filter_logits(logits, sampling), generator)
    return tokens


def sampling_work(batch: int, width: int, layers: int, goals: tuple[Goal, ...] = (), side: int = SIDE) -> Work:
    """All tokens of a batch of pictures, without classes, filters or guidance."""

    def ours(device: torch.device) -> Callable[[], Tensor]:
        prior = make_gpt(width, layers, device, side)
        return lambda: prior.sample(batch, generator=torch.Generator(device).manual_seed(0))

    def naive(device: torch.device) -> Callable[[], Tensor]:
        prior = make_gpt(width, layers, device, side)
        return lambda: sample_without_cache(prior, batch, Sampling(), torch.Generator(device).manual_seed(0))

    competitors = (
        Competitor(OURS, "keys and values of the past kept", ours),
        Competitor(f"{NAIVE}: no cache", "a forward pass over all tokens so far for each new one", naive),
    )
    sizes = {"N": batch * side**2, "batch": batch, "D": width, "layers": layers, "K": CODES}
    return Work("sampling", "GPT", sizes, competitors, goals)
