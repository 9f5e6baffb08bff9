"""Data-parallel training: two gloo processes with half the batch each against one with the whole."""

import copy
import multiprocessing
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from quantizers.base import Quantizer
from quantizers.testing.contract import Make, contract_line, expect, objective

RANKS = 2
STEPS = 3
TOLERANCE = 1e-5
"""Sums over ranks are added in another order than sums over one batch: float32 rounding, no more."""


def _batches(quantizer: Quantizer) -> list[Tensor]:
    generator = torch.Generator().manual_seed(99)
    shape = (4 * RANKS, quantizer.dim, 4, 4)
    return [torch.randn(shape, generator=generator) for _ in range(STEPS)]


def _train(quantizer: Quantizer, batches: list[Tensor], skipped_draws: list[Tensor] | None = None) -> dict[str, Any]:
    """`STEPS` steps without an optimizer; every step's input and parameter gradients, and the buffers at the end."""
    quantizer.train()
    steps = []
    for step, batch in enumerate(batches):
        torch.manual_seed(step)
        if skipped_draws is not None:
            torch.set_rng_state(skipped_draws[step])
        quantizer.zero_grad()
        z = batch.clone().requires_grad_()
        out = quantizer(z)
        objective(out).backward()
        parameters = {name: parameter.grad for name, parameter in quantizer.named_parameters()}
        steps.append({"codes": out.codes, "input": z.grad, "parameters": parameters, "stats": out.stats})
    return {"steps": steps, "buffers": dict(quantizer.named_buffers()), "state": quantizer.state_dict()}


def _rank_main(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    quantizer = torch.load(Path(folder) / "quantizer.pt", weights_only=False)
    batches = [batch.chunk(RANKS)[rank] for batch in _batches(quantizer)]
    # One process draws the noise of the whole batch in order: every rank first passes over the ranks' before
    # it.
    states = []
    scratch = copy.deepcopy(quantizer).train()
    for step, batch in enumerate(batches):
        torch.manual_seed(step)
        for _ in range(rank):
            scratch(batch)
        states.append(torch.get_rng_state())
    dist.init_process_group("gloo", init_method=(Path(folder) / "rendezvous").as_uri(), rank=rank, world_size=RANKS)
    torch.save(_train(quantizer, batches, states), Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


def _run_ranks(quantizer: Quantizer, folder: str) -> list[dict[str, Any]]:
    # Through a file: handed to a process as an argument, its tensors would be memory that all ranks share.
    torch.save(quantizer, Path(folder) / "quantizer.pt")
    # A fork server imports torch once, so that each rank starts in a moment; where there is none, spawn.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context: Any = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["torch", "quantizers"])
    processes = [context.Process(target=_rank_main, args=(rank, folder), daemon=True) for rank in range(RANKS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    failed = [rank for rank, process in enumerate(processes) if process.exitcode != 0]
    for process in processes:
        process.kill()
    expect(not failed, f"ranks {failed} did not finish a training step (see their output above)")
    return [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(RANKS)]


@contract_line("two gloo ranks with half the batch each: codes, buffers, averaged gradients of one with the whole")
def check_two_ranks(make: Make) -> None:
    torch.manual_seed(0)
    quantizer = make()
    with tempfile.TemporaryDirectory() as folder:
        ranks = _run_ranks(quantizer, folder)
    whole = _train(quantizer, _batches(quantizer))
    for name, value in ranks[0]["state"].items():
        expect(torch.equal(value, ranks[1]["state"][name]), f"the ranks end with different {name}")
        _expect_close(value, whole["state"][name], f"{name} after {STEPS} steps")
    for step in range(STEPS):
        one, parts = whole["steps"][step], [rank["steps"][step] for rank in ranks]
        where = f"step {step}"
        expect(torch.equal(torch.cat([part["codes"] for part in parts]), one["codes"]), f"{where}: codes differ")
        # d mean / dz of half a batch is twice that of the whole
        _expect_close(torch.cat([part["input"] for part in parts]) / RANKS, one["input"], f"{where}: input gradient")
        for name, gradient in one["parameters"].items():
            averaged = sum(part["parameters"][name] for part in parts) / RANKS
            _expect_close(averaged, gradient, f"{where}: averaged gradient of {name}")
        for name in one["stats"].keys() & {"perplexity", "usage"}:
            _expect_close(parts[0]["stats"][name], one["stats"][name], f"{where}: {name} of the global batch")


def _expect_close(value: Tensor, expected: Tensor, what: str) -> None:
    if expected.numel():
        expected = expected.double()
        gap = (value.double() - expected).abs().max() / expected.abs().max().clamp_min(1e-8)
        expect(gap <= TOLERANCE, f"{what} differs from one rank's by {gap:.1e} of its largest value")
