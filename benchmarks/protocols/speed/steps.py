"""Works of training steps and of eval mode, over the methods."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from benchmarks.protocols.speed.goals import Goal
from benchmarks.protocols.speed.methods import Implementation, Method
from benchmarks.protocols.speed.work import BATCHES, Competitor, Work, random_batches, random_rows


def training_work(method: Method, goals: tuple[Goal, ...] = ()) -> Work:
    """Forward, backward from a given gradient of the quantized rows, and whatever the method updates.

    The gradient is given, as a decoder would, so that nothing but the quantizer is timed.
    """
    return _work("training step", method, _training_step, goals)


def eval_work(method: Method, goals: tuple[Goal, ...] = ()) -> Work:
    """Quantizing in eval mode, without gradients, after a training step on each batch: a codebook that rows have not
    formed, or that the k-means of noise has left full of equal codes, is a case that nobody evaluates."""
    return _work("eval", method, _evaluation, goals)


def _work(kind: str, method: Method, make: Callable[..., Callable[[], Any]], goals: tuple[Goal, ...]) -> Work:
    competitors = tuple(
        Competitor(each.name, each.given, partial(make, each, method.sizes["N"])) for each in method.implementations
    )
    return Work(kind, method.subject, method.sizes, competitors, goals)


def _training_step(implementation: Implementation, n: int, device: torch.device) -> Callable[[], Any]:
    module: Any = implementation.build().to(device).train()
    batches = random_batches(n, module.dim, device)
    gradient = random_rows(n, module.dim, device, seed=-1)

    def step() -> Any:
        rows = next(batches).detach().requires_grad_()
        module.zero_grad(set_to_none=True)
        out = module(rows)
        ends: list[Tensor] = [out[0]]
        gradients: list[Tensor | None] = [gradient.view_as(out[0])]
        if len(out) > 2 and out[2].requires_grad:
            ends.append(out[2].sum())
            gradients.append(None)
        torch.autograd.backward(ends, gradients)
        return out

    return step


def _evaluation(implementation: Implementation, n: int, device: torch.device) -> Callable[[], Any]:
    module: Any = implementation.build().to(device).train()
    with torch.no_grad():
        for batch in islice(random_batches(n, module.dim, device), BATCHES):
            module(batch)
    module.eval()
    rows = random_rows(n, module.dim, device, seed=-1)

    @torch.no_grad()
    def evaluate() -> Any:
        return module(rows)

    return evaluate
