"""Works of exact nearest-code search: N rows of D channels among K codes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.protocols.speed import naive, peers
from benchmarks.protocols.speed.goals import Goal, MemoryBelow, TimesTheTime
from benchmarks.protocols.speed.names import FAISS, NAIVE, OURS, OVER_ROWS
from benchmarks.protocols.speed.work import Competitor, Unavailable, Work, random_rows
from quantizers.leech_lattice import DIM, SIZE, LeechShell
from quantizers.search import nearest_codes
from quantizers.search_compiled import KERNELS, search_compiled
from quantizers.search_cpu import search_cpu

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


ROWS = (1024, 4096, 16384, 65536, 262144)
"""What a search is swept over: a peer may take another way from some number on."""


def search_over_rows(d: int, k: int, goals: tuple[Goal, ...] = ()) -> list[Work]:
    """Ours, faiss, and ours where a processor or an installation has less, at every number of `ROWS`. (The plain forms
    would not fit the memory.)"""
    return [
        Work(
            OVER_ROWS,
            "exact",
            {"N": n, "D": d, "K": k},
            (_ours(n, d, k), _faiss(n, d, k), *_with_less(n, d, k)),
            goals,
            long=True,
        )
        for n in ROWS
    ]


def _with_less(n: int, d: int, k: int) -> list[Competitor]:
    """Each kernel of float32 by itself, and PyTorch's products without any."""
    searches: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        f"{name} alone": partial(search_compiled, kernels=[name]) for name in KERNELS if name != "bf16"
    }
    searches["no kernels"] = search_cpu

    def of_cpu(search: Callable[[Tensor, Tensor], Tensor], device: torch.device) -> Callable[[], Any]:
        if device.type != "cpu":
            raise Unavailable("a search of the CPU")
        return _searched(search, n, d, k)(device)

    return [
        Competitor(f"{OURS}: {name}", "the same search with less", partial(of_cpu, search))
        for name, search in searches.items()
    ]


def search_work(n: int, d: int, k: int, goals: tuple[Goal, ...] = ()) -> Work:
    """Ours, faiss and the two plain forms."""
    plain = (
        Competitor(f"{NAIVE}: cdist + argmin", "the N x K matrix", _searched(naive.nearest_by_cdist, n, d, k)),
        Competitor(f"{NAIVE}: addmm + argmin", "the N x K matrix", _searched(naive.nearest_by_product, n, d, k)),
    )
    return Work("search", "exact", {"N": n, "D": d, "K": k}, (_ours(n, d, k), _faiss(n, d, k), *plain), goals)


def _ours(n: int, d: int, k: int) -> Competitor:
    return Competitor(OURS, "quantizers.search.nearest_codes", _searched(nearest_codes, n, d, k))


def _faiss(n: int, d: int, k: int) -> Competitor:
    given = "IndexFlatL2 filled before, one neighbour"
    return Competitor(FAISS, given, lambda device: peers.faiss_search(n, d, k, device))


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
            _ours(n, d, k),
            Competitor(part, "the same", _searched(nearest_codes, n, d, k // FEWER)),
        ),
        (MemoryBelow(1000), TimesTheTime(part, LINEAR * FEWER)),
        long=True,
    )
