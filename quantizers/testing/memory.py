"""Memory: the measured peak of live tensors, and how it grows with the number of positions."""

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from quantizers.base import Quantizer
from quantizers.testing.contract import Make, contract_line, expect, latent, objective

POSITIONS = 1024
"""Positions of the smaller of two inputs; the larger has twice as many. More than a tile of a search on a CPU."""

ROOM = 192
"""Bytes per channel, code and position that a step may take whatever K is."""

COUNTS = 16 * 4 * 2**20
"""Bytes that do not grow with the positions and are allowed beside the quantizer's own: counts of up to 2^20 codes."""


class PeakMemory(TorchDispatchMode):
    """Measures `peak`, the most bytes at a time of the tensors that operations have made and something still holds.

    Everything counts that keeps a storage alive: variables, saved tensors of the backward pass, buffers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._track(leaf.untyped_storage())
        self.peak = max(self.peak, self.live)
        return out

    def _track(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._seen:
            self._seen.add(key)
            self.live += storage.nbytes()
            weakref.finalize(storage, self._release, key, storage.nbytes())

    def _release(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.live -= size


def _does_not_stand_out(quantizer: Quantizer) -> str | None:
    if quantizer.codebook_size >= ROOM * quantizer.dim * quantizer.codes_per_position:
        return None
    return f"codebook_size is under {ROOM} x dim x codes_per_position: N x K would not stand out"


@contract_line(
    "no N x K tensor in a training step or in eval mode, no implicit codebook, by measured peak",
    exempt=lambda quantizer: (
        "holds_logits is True" if getattr(quantizer, "holds_logits", False) else _does_not_stand_out(quantizer)
    ),
)
def check_memory(make: Make) -> None:
    quantizer = _trained_on_many(make)
    for training in (True, False):
        quantizer.train(training)
        inputs = [latent(quantizer, count // 2) for count in (POSITIONS, 2 * POSITIONS)]
        _expect_lean(
            quantizer, [partial(_step, quantizer, z) for z in inputs], "a training step" if training else "eval"
        )


@contract_line("no N x K tensor and no implicit codebook in decode, by measured peak", exempt=_does_not_stand_out)
def check_memory_of_decode(make: Make) -> None:
    quantizer = _trained_on_many(make).eval()
    codes = [quantizer(latent(quantizer, count // 2)).codes for count in (POSITIONS, 2 * POSITIONS)]
    _expect_lean(quantizer, [partial(quantizer.decode, each) for each in codes], "decode")


def _trained_on_many(make: Make) -> Quantizer:
    """On batches larger than most codebooks, whose codes then differ: a search settles ties at another cost."""
    torch.manual_seed(0)
    quantizer = make().train()
    for _ in range(2):
        quantizer(latent(quantizer, 2 * POSITIONS))
    return quantizer


def _step(quantizer: Quantizer, z: Tensor) -> None:
    z = z.detach().requires_grad_()
    objective(quantizer(z)).backward()


def _expect_lean(quantizer: Quantizer, calls: list[Callable[[], object]], what: str) -> None:
    """What one more position costs is less than a byte per code, and what does not depend on positions is small."""
    peaks = []
    for call in calls:
        quantizer.zero_grad()
        with PeakMemory() as memory:
            call()
        peaks.append(memory.peak)
    per_position = (peaks[1] - peaks[0]) / POSITIONS
    expect(
        per_position < quantizer.codebook_size,
        f"{what} takes {per_position:.0f} bytes per position, with {quantizer.codebook_size} codes",
    )
    fixed = peaks[0] - per_position * POSITIONS
    own = sum(tensor.nbytes for tensor in [*quantizer.parameters(), *quantizer.buffers()])
    expect(fixed <= 8 * own + COUNTS, f"{what} takes {fixed / 2**20:.0f} MiB whatever the number of positions")
