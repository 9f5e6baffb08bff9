"""Works of reading a picture's codes from a file under a GPT prior: by windows side by side, or one after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from benchmarks.protocols.speed.goals import Goal
from benchmarks.protocols.speed.names import NAIVE, OURS
from benchmarks.protocols.speed.sampling import CODES, make_gpt
from benchmarks.protocols.speed.work import Competitor, Work
from priors import GPT
from priors.code_models import CodePrior
from priors.entropy_coding import Coder, Reader, Writer
from priors.fixed_point import fixed_point, weights
from priors.windows import Windows

WINDOW = 4
"""Codes on a side of what the prior was trained on: 32 pixels at f8, as under the preset `quick`."""


@torch.no_grad()
def code_without_cache(prior: GPT, coder: Coder, tokens: Int64[Tensor, "w p d"]) -> Int64[Tensor, "w p d"]:
    """What a coder makes of tokens (a reader makes them from its bits), window after window.

    Args:
        prior: in fixed point.
    """
    found = torch.zeros_like(tokens)
    for window, known in zip(found.unsqueeze(1), tokens.cpu().numpy(), strict=True):
        for position, slot in np.ndindex(*known.shape):
            shares = weights(prior(window[:, : position + 1])[:, position, slot])
            symbol = coder.each(known[position, slot : slot + 1], shares.cpu().double().numpy())
            window[:, position, slot] = torch.from_numpy(symbol).to(found.device)
    return found


def coding_work(side: int, width: int, layers: int, goals: tuple[Goal, ...] = ()) -> Work:
    """The codes of one picture, all alike likely, whose map is `side` x `side`, a multiple of the windows'."""

    def drawn(device: torch.device) -> tuple[GPT, Windows, Tensor]:
        prior = make_gpt(width, layers, device, WINDOW)
        codes = torch.randint(CODES, (1, 1, side, side), generator=torch.Generator().manual_seed(0))
        return prior, Windows(prior.layout, 1, [(side, side)]), codes.to(device)

    def ours(device: torch.device) -> Callable[[], Tensor]:
        prior, _, codes = drawn(device)
        model, writer = CodePrior(prior), Writer()
        model.code(writer, [codes], (), 1, [(side, side)])
        data = writer.to_bytes()
        return lambda: model.code(Reader(data), None, (), 1, [(side, side)])[0]

    def naive(device: torch.device) -> Callable[[], Tensor]:
        prior, windows, codes = drawn(device)
        fixed, writer = fixed_point(prior), Writer()
        tokens = prior.layout.to_tokens(windows.cut([codes]))
        code_without_cache(fixed, writer, tokens)
        data, unknown = writer.to_bytes(), torch.zeros_like(tokens)
        return lambda: windows.join(prior.layout.to_codes(code_without_cache(fixed, Reader(data), unknown)))[0]

    competitors = (
        Competitor(OURS, "windows side by side, keys and values of the past kept", ours),
        Competitor(f"{NAIVE}: no cache", "window after window, a forward pass for each token", naive),
    )
    sizes = {"N": side**2, "D": width, "layers": layers, "K": CODES}
    return Work("coding", "GPT", sizes, competitors, goals)
