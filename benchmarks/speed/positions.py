"""What a position costs in sampling from a GPT, by how many are before it: `python -m benchmarks.speed.positions`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.markup import escape

from autoencoders.ranges import Count, Parts, Size
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import run_command
from benchmarks.command_line.usage import RUNS, UsageError, require_writable
from benchmarks.plots.saving import save
from benchmarks.plots.speed import STYLES
from benchmarks.protocols.speed.names import NAIVE, OURS
from benchmarks.protocols.speed.sampling import HEAD_WIDTH, SIDE, make_gpt
from priors import GPT
from storage.whole_files import replacing


def position_seconds(
    prior: GPT, batch: int, block: int, repeats: int, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """Seconds that a position takes with the cache and without, for each block of positions; the least of several."""
    positions = prior.layout.positions

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    def with_cache() -> np.ndarray:
        times = [now()]
        prior.sample(batch, on_step=lambda done, total: times.append(now()))
        return np.diff(times).reshape(-1, block).mean(1)

    @torch.no_grad()
    def without() -> np.ndarray:
        tokens = torch.zeros(batch, positions, prior.layout.depth, dtype=torch.int64, device=device)
        seconds = []
        for middle in range(block // 2, positions, block):
            begin = now()
            prior(tokens[:, : middle + 1])[:, middle].softmax(-1)
            seconds.append(now() - begin)
        return np.array(seconds)

    with_cache(), without()  # what is done but once
    return (
        np.min([with_cache() for _ in range(repeats)], axis=0),
        np.min([without() for _ in range(repeats)], axis=0),
    )


def position_table(cached: np.ndarray, naive: np.ndarray, block: int) -> pd.DataFrame:
    """A row for each block of positions: its first position, and the seconds that one position of it takes."""
    return pd.DataFrame({"position": block * np.arange(len(cached)), "with_cache": cached, "without": naive})


def position_figure(cached: np.ndarray, naive: np.ndarray, block: int, caption: str) -> Figure:
    """Milliseconds for a position of a batch, over how many are before it."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    middles = block // 2 + block * np.arange(len(cached))
    for seconds, name, label in ((cached, OURS, "KV cache"), (naive, NAIVE, "a whole forward pass")):
        axes.plot(middles, 1e3 * seconds, label=label, markersize=4, **STYLES[name])
    axes.set_yscale("log")
    axes.set_xlabel("position")
    axes.set_ylabel("ms for a position of the batch")
    axes.set_title(f"all {block * len(cached)} positions: {naive.sum() / cached.sum():.1f}× faster", fontsize=10)
    axes.grid(color="0.85", linewidth=0.5)
    axes.legend(frameon=False)
    figure.supxlabel(caption, fontsize=8)
    return figure


@dataclass(frozen=True)
class Arguments:
    """Time a GPT's sampling position by position, with its cache and without, and draw that; the seconds of a position
    are stored as CSV, too."""

    batch: Count = 8
    """Pictures at once."""
    width: Size = 256
    """Channels of a token."""
    layers: Parts = 6
    """Transformer blocks."""
    block: Count = 16
    """Positions to a point of the picture."""
    repeats: Count = 5
    """How often; the least time counts."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where it runs."""
    output: Path = RUNS / "speed"
    """Folder of the picture and the numbers."""


def check(arguments: Arguments) -> None:
    """Raise UsageError where the arguments cannot work here."""
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: PyTorch finds no CUDA device here; leave it out to measure on the CPU")
    if arguments.width % HEAD_WIDTH:
        raise UsageError(f"--width takes multiples of {HEAD_WIDTH}, the width of a head")
    if SIDE**2 % arguments.block:
        raise UsageError(f"--block takes divisors of the {SIDE**2} positions")
    require_writable(arguments.output)


def main(argv: Sequence[str]) -> int:
    """The command: 0 when the picture is there, 2 for a user's mistake, 130 when stopped."""
    console, errors = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)
    arguments = parse_flags(Arguments, "benchmarks.speed.positions", argv)
    try:
        check(arguments)
        device = torch.device(arguments.device)
        prior = make_gpt(arguments.width, arguments.layers, device)
        cached, naive = position_seconds(prior, arguments.batch, arguments.block, arguments.repeats, device)
        threads = f", {torch.get_num_threads()} threads" if device.type == "cpu" else ""
        caption = (
            f"GPT of {arguments.layers} layers of width {arguments.width}, batch {arguments.batch}, float32, "
            f"{arguments.device}{threads}"
        )
        figure = position_figure(cached, naive, arguments.block, caption)
        stem = f"sampling-positions-{arguments.device}"
        for path in save(figure, arguments.output, stem):
            console.print(f"picture: {escape(str(path))}")
        numbers = arguments.output / f"{stem}.csv"
        with replacing(numbers) as temporary:
            position_table(cached, naive, arguments.block).to_csv(temporary, index=False)
        console.print(f"numbers: {escape(str(numbers))}")
    except UsageError as error:
        errors.print(f"error: {escape(str(error))}")
        return 2
    except KeyboardInterrupt:
        errors.print("stopped; nothing is stored")
        return 130
    with_cache, without = arguments.block * cached.sum(), arguments.block * naive.sum()
    console.print(f"all positions: {with_cache:.3g} s with the cache, {without:.3g} s without")
    return 0


if __name__ == "__main__":
    run_command(main)
