"""Data-parallel training: two gloo processes with a part of the batch each against one with the whole."""

import multiprocessing
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from quantizers.base import Quantizer
from quantizers.testing.contract import Make, contract_line, expect, expect_close, expect_equal, training_step
from quantizers.testing.randomness import SharedDraws

RANKS = 2

SAMPLES = 14
"""Of the global batch; its multiples are no usual number of codes or channels."""

Shares = Sequence[Sequence[int]]
"""For each step how many samples each rank holds."""

TOLERANCE = 1e-5
"""Sums over ranks are added in another order than sums over one batch: float32 rounding, no more."""


def _train(quantizer: Quantizer, shares: Shares, rank: int | None = None) -> dict[str, Any]:
    """A step per entry of `shares` without an optimizer, of one rank's part or of the whole batch (None).

    Returns every step's codes, stats and gradients, and the state at the end.
    """
    generator = torch.Generator().manual_seed(99)
    quantizer.train()
    steps = []
    for step, share in enumerate(shares):
        batch = torch.randn(SAMPLES, quantizer.dim, 3, 5, generator=generator)
        quantizer.anneal(step / len(shares))
        with SharedDraws(share, rank):
            out, gradients = training_step(quantizer, batch if rank is None else batch.split(list(share))[rank])
        steps.append({"codes": out.codes, "gradients": gradients, "stats": out.stats})
    return {"steps": steps, "state": quantizer.state_dict()}


def _rank_main(rank: int, shares: Shares, folder: str) -> None:
    torch.set_num_threads(1)
    quantizer = torch.load(Path(folder) / "quantizer.pt", weights_only=False)
    dist.init_process_group("gloo", init_method=(Path(folder) / "rendezvous").as_uri(), rank=rank, world_size=RANKS)
    torch.save(_train(quantizer, shares, rank), Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


def _run_ranks(quantizer: Quantizer, shares: Shares) -> list[dict[str, Any]]:
    # A fork server imports torch once, so that each rank starts in a moment; where there is none, spawn.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context: Any = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["torch", "quantizers"])
    with tempfile.TemporaryDirectory() as folder:
        # Through a file: handed to a process as an argument, its tensors would be memory that all ranks share.
        torch.save(quantizer, Path(folder) / "quantizer.pt")
        processes = [context.Process(target=_rank_main, args=(rank, shares, folder), daemon=True) for rank in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
        failed = [rank for rank, process in enumerate(processes) if process.exitcode != 0]
        for process in processes:
            process.kill()
        expect(not failed, f"ranks {failed} did not finish a training step (see their output above)")
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(RANKS)]


def _compare(make: Make, shares: Shares) -> list[tuple[list[dict[str, Tensor]], dict[str, Tensor]]]:
    """Train on ranks and on one; the state, the codes and the stats of the global batch must be equal.

    Returns for every step the gradients of each rank and those of the one.
    """
    torch.manual_seed(0)
    quantizer = make()
    ranks = _run_ranks(quantizer, shares)
    whole = _train(quantizer, shares)
    expect_equal(ranks[0]["state"], ranks[1]["state"], "the ranks end with different")
    gradients = []
    for step, one in enumerate(whole["steps"]):
        parts = [rank["steps"][step] for rank in ranks]
        codes = torch.cat([part["codes"] for part in parts])
        expect(torch.equal(codes, one["codes"]), f"step {step}: codes differ from one rank's")
        for name in one["stats"].keys() & {"perplexity", "usage"}:
            _expect_close(parts[0]["stats"][name], one["stats"][name], f"step {step}: {name} of the global batch")
        gradients.append(([part["gradients"] for part in parts], one["gradients"]))
    for name, value in ranks[0]["state"].items():
        _expect_close(value, whole["state"][name], f"{name} after {len(shares)} steps")
    return gradients


def _expect_close(value: Tensor, expected: Tensor, what: str) -> None:
    expect_close(value, expected, TOLERANCE, f"{what} differs from one rank's")


@contract_line("two gloo ranks with half the batch each: codes, buffers, averaged gradients of one with the whole")
def check_two_ranks(make: Make) -> None:
    steps = _compare(make, [(7, 7)] * 3)
    for name in dict.fromkeys(name for _, one in steps for name in one):
        found, expected = [], []
        for parts, one in steps:
            if name in one:
                halves = [part[name] for part in parts]
                # d mean / dz of half a batch is twice that of the whole; a parameter's gradients DDP averages
                joined = torch.cat(halves) if name == "the input" else torch.stack(halves).sum(0)
                found.append(joined / RANKS)
                expected.append(one[name])
        # steps together: right after k-means a codebook's gradient is 0 but for rounding
        _expect_close(torch.stack(found), torch.stack(expected), f"the averaged gradient of {name} over all steps")


@contract_line("two ranks with unequal parts of the batch, or none: codes and buffers of one with the whole")
def check_unequal_ranks(make: Make) -> None:
    _compare(make, [(9, 5), (9, 5), (14, 0), (0, 14)])
