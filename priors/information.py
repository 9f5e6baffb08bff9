"""What codes cost in bits under a model of them, before any coder adds its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from priors.code_models import CodeModel
from priors.entropy_coding import Coder
from priors.gpt import GPT
from priors.windows import Windows
from quantizers import Quantizer
from quantizers.modes import evaluating


class Ideal(Coder):
    """A writer that writes nothing, and adds up -log2 of the probability of what it is given.

    Attributes:
        bits: the sum so far.
    """

    writes = True

    def __init__(self) -> None:
        self.bits = 0.0

    def uniform(self, symbols: Int64[np.ndarray, " n"] | None, count: int, size: int) -> Int64[np.ndarray, " n"]:
        self.bits += count * math.log2(max(size, 1))
        return self._code(symbols, count, None)

    def alike(
        self, symbols: Int64[np.ndarray, " n"] | None, count: int, weights: Float[np.ndarray, " v"]
    ) -> Int64[np.ndarray, " n"]:
        symbols = self._code(symbols, count, None)
        self.bits -= float(np.log2(weights[symbols] / weights.sum()).sum())
        return symbols

    def each(
        self, symbols: Int64[np.ndarray, " n"] | None, weights: Float[np.ndarray, "n v"]
    ) -> Int64[np.ndarray, " n"]:
        symbols = self._code(symbols, len(weights), None)
        self.bits -= float(np.log2(weights[np.arange(len(weights)), symbols] / weights.sum(-1)).sum())
        return symbols

    def _code(self, symbols: np.ndarray | None, count: int, model: object, *weights: np.ndarray) -> np.ndarray:
        assert symbols is not None
        return symbols


def information(
    model: CodeModel,
    codes: Sequence[Int64[Tensor, "b n ..."]],
    quantizers: Sequence[Quantizer],
) -> float:
    """-log2 of the probability that a model gives the code maps of a signal: the least that a file can have.

    Args:
        codes: one map for each quantizer.
    """
    ideal = Ideal()
    model.code(ideal, codes, quantizers, len(codes[0]), [found.shape[2:] for found in codes])
    return ideal.bits


@torch.no_grad()
def information_in_float(gpt: GPT, codes: Sequence[Int64[Tensor, "b n ..."]], batch: int = 32) -> float:
    """The same under a GPT as it was trained, in the numbers that it has, over the windows of `CodePrior`.

    Args:
        codes: one map for each of the layout's.
        batch: windows at a time.
    """
    windows = Windows(gpt.layout, len(codes[0]), [found.shape[2:] for found in codes])
    device = next(gpt.parameters()).device
    tokens = gpt.layout.to_tokens(windows.cut(codes)).to(device)
    coded = (windows.shown == torch.arange(windows.shown.shape[1])).to(device)
    nats = 0.0
    with evaluating(gpt):
        for some, counts in zip(tokens.split(batch), coded.split(batch), strict=True):
            starts = torch.full((len(some),), gpt.classes, device=device)
            logits = gpt._logits(some, starts).float()
            losses = F.cross_entropy(logits.movedim(-1, 1), some, reduction="none")
            nats += losses[counts].double().sum().item()
    return nats / math.log(2)
