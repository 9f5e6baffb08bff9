"""Works of the exact entropies of b independent bits: of each sample and of the batch, with their gradient."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.protocols.speed import naive
from benchmarks.protocols.speed.goals import Goal, MemoryBelow, TimesTheTime
from benchmarks.protocols.speed.names import NAIVE, OURS
from benchmarks.protocols.speed.work import Competitor, Unavailable, Work, random_rows
from quantizers.entropy import bernoulli_entropy, mean_code_entropy

TABLE_BITS = 14
"""Most bits for the naive form: at 18 its N x 2^18 probabilities take 2 GB, and it makes several such tensors."""


def factorised_entropies(logits: Float[Tensor, "n b"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Mean entropy of p(code) and entropy of the mean p(code), in nats, by the parts that LFQ and BSQ use."""
    return bernoulli_entropy(logits).mean(), mean_code_entropy(logits)


def _with_gradient(entropies: Callable[..., tuple[Tensor, Tensor]], logits: Tensor) -> Callable[[], Any]:
    def work() -> Any:
        leaf = logits.detach().requires_grad_()
        sample, batch = entropies(leaf)
        (sample - batch).backward()
        return sample.detach(), batch.detach(), leaf.grad

    return work


def entropy_work(n: int, bits: int, fewer: int | None = None) -> Work:
    """Ours beside the softmax over all codes, or beside itself at fewer bits."""

    def ours(bits: int) -> Callable[[torch.device], Callable[[], Any]]:
        return lambda device: _with_gradient(factorised_entropies, random_rows(n, bits, device))

    def softmax(device: torch.device) -> Callable[[], Any]:
        if bits > TABLE_BITS:
            raise Unavailable(f"its {n} x 2^{bits} probabilities take {4 * n * 2**bits / 1e9:.1f} GB, several times")
        table = naive.sign_table(bits, device)
        return _with_gradient(lambda logits: naive.softmax_entropies(logits, table), random_rows(n, bits, device))

    others = [Competitor(f"{NAIVE}: softmax", f"softmax over all 2^{bits} codes", softmax)]
    goals: tuple[Goal, ...] = ()
    if fewer is not None:
        ours_at_fewer = f"{OURS}: {fewer} bits"
        others.append(Competitor(ours_at_fewer, "the same", ours(fewer)))
        goals = (TimesTheTime(ours_at_fewer, 5), MemoryBelow(100))
    return Work(
        "entropy",
        "factorised",
        {"N": n, "bits": bits},
        (Competitor(OURS, "bernoulli_entropy and mean_code_entropy", ours(bits)), *others),
        goals,
    )
