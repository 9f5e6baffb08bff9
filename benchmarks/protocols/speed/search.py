"""Works of exact nearest-code search: N rows of D channels among K codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.protocols.speed import naive, peers
from benchmarks.protocols.speed.goals import Goal, MemoryBelow, TimesTheTime
from benchmarks.protocols.speed.names import FAISS, NAIVE, OURS
from benchmarks.protocols.speed.work import Competitor, Work, random_rows
from quantizers.leech_lattice import DIM, SIZE, LeechShell
from quantizers.search import nearest_codes

FEWER = 16
"""The huge search is compared with one among this many times fewer codes."""

ONE_BY_ONE = f"{OURS}: one by one"

LINEAR = 1.25
"""A cost that grows by no more than this beside N K counts as linear."""


def _searched(search: Callable[..., Any], n: int, d: int, k: int) -> Callable[[torch.device], Callable[[], Any]]:
    def make(device: torch.device) -> Callable[[], Any]:
        rows, codes = random_rows(n, d, device), random_rows(k, d, device, seed=1)
        return lambda: search(rows, codes)

    return make


def search_work(n: int, d: int, k: int, goals: tuple[Goal, ...] = ()) -> Work:
    """Ours, faiss and the two plain forms."""
    return Work(
        "search",
        "exact",
        {"N": n, "D": d, "K": k},
        (
            Competitor(OURS, "quantizers.search.nearest_codes", _searched(nearest_codes, n, d, k)),
            Competitor(
                FAISS, "IndexFlatL2 filled before, one neighbour", lambda device: peers.faiss_search(n, d, k, device)
            ),
            Competitor(f"{NAIVE}: cdist + argmin", "the N x K matrix", _searched(naive.nearest_by_cdist, n, d, k)),
            Competitor(f"{NAIVE}: addmm + argmin", "the N x K matrix", _searched(naive.nearest_by_product, n, d, k)),
        ),
        goals,
    )


def leech_search_work(n: int, goals: tuple[Goal, ...] = ()) -> Work:
    """The nearest of the shortest vectors of the Leech lattice, by its structure, and by ours for any codes."""

    def by_structure(device: torch.device) -> Callable[[], Any]:
        shell, rows = LeechShell().to(device), random_rows(n, DIM, device)
        return lambda: shell.nearest(rows)

    def one_by_one(device: torch.device) -> Callable[[], Any]:
        vectors, rows = LeechShell().to(device).vectors(torch.arange(SIZE, device=device)), random_rows(n, DIM, device)
        return lambda: nearest_codes(rows, vectors)

    competitors = (
        Competitor(OURS, "quantizers.leech_lattice", by_structure),
        Competitor(ONE_BY_ONE, "quantizers.search.nearest_codes", one_by_one),
    )
    return Work("search", "leech", {"N": n, "D": DIM, "K": SIZE}, competitors, goals)


def huge_search_work(n: int, d: int, k: int) -> Work:
    """Ours beside itself among a part of the codes; an N x K matrix would not fit the memory."""
    part = f"{OURS}: K/{FEWER}"
    return Work(
        "search",
        "exact",
        {"N": n, "D": d, "K": k},
        (
            Competitor(OURS, "quantizers.search.nearest_codes", _searched(nearest_codes, n, d, k)),
            Competitor(part, "the same", _searched(nearest_codes, n, d, k // FEWER)),
        ),
        (MemoryBelow(1000), TimesTheTime(part, LINEAR * FEWER)),
        long=True,
    )
