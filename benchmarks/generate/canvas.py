"""A canvas of any size, drawn from the prior of a texture and held against it: `--canvas H W`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from autoencoders.extents import decode_any
from benchmarks.command_line.usage import UsageError
from benchmarks.data.naming import parse_source
from benchmarks.data.sizes import written
from benchmarks.generate.job import Job
from benchmarks.metrics.device import full_float32
from benchmarks.metrics.pictures import to_uint8
from benchmarks.protocols.texture.measure import texture_metrics
from benchmarks.records.environment import environment
from benchmarks.records.files import write_model
from benchmarks.records.generation import path_for
from benchmarks.records.grids import save_picture
from benchmarks.records.texture import CANVAS_PREFIX, PROTOCOL, SCHEMA, CanvasRecord
from benchmarks.records.values import digest, plain
from priors import Prior
from priors.canvas import draw_canvas
from storage.paths import from_printable


def require_canvas(job: Job, extent: tuple[int, int]) -> None:
    """Raise UsageError unless a canvas of that height and width can be drawn: before hours of training."""
    tokenizer, layout = job.encoder.tokenizer, job.encoder.layout
    if parse_source(from_printable(job.run.data["source"])).scheme != "texture":
        raise UsageError(f"{job.run_path}: --canvas is held against a texture: train a run on --data texture:FILE")
    if len(layout.grids) != 1 or len(layout.grids[0]) != 2:
        raise UsageError(f"{job.run_path}: --canvas needs a tokenizer of one map of codes in rows and columns")
    if layout.delay:
        raise UsageError("--canvas draws one position after the other: leave --delay out")
    if not all(quantizer.is_positionwise for quantizer in tokenizer.quantizers):
        raise UsageError(f"{job.run_path}: --canvas needs codes that belong to a place each")
    least = (job.run.data["image_size"],) * 2
    if any(side < own for side, own in zip(extent, least, strict=True)):
        raise UsageError(f"--canvas must have the run's {written(least)} pixels at least, got {written(extent)}")


def canvas_path(job: Job, extent: tuple[int, int]) -> Path:
    """Where the record of the canvas belongs, and with .png for .json the picture."""
    sampling = plain(asdict(job.generation.sampling))
    key = digest(job.path.stem, extent, sampling, job.generation_seed, job.classes[:1], PROTOCOL)
    return path_for(job.run_path, CANVAS_PREFIX, job.run.id, key)


def grid_of(job: Job, extent: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the canvas in codes."""
    down, across = job.encoder.tokenizer.strides
    return -(-extent[0] // down), -(-extent[1] // across)


@torch.no_grad()
def draw(
    job: Job,
    prior: Prior,
    extent: tuple[int, int],
    on_step: Callable[[int, int], None],
    stop_requested: Callable[[], bool],
) -> UInt8[Tensor, "3 h w"]:
    """The picture, on the CPU. SamplingStopped where `stop_requested` says so."""
    generator = torch.Generator(job.encoder.device).manual_seed(job.generation_seed)
    labels = list(job.classes[:1]) or None
    grid, sampling = grid_of(job, extent), job.generation.sampling
    codes = draw_canvas(prior, grid, 1, labels, sampling, generator, on_step, stop_requested)
    with full_float32():
        return to_uint8(decode_any(job.encoder.tokenizer, [codes], extent))[0].cpu()


def _squares(pictures: Any) -> Iterator[UInt8[Tensor, "3 size size"]]:
    """Of a data set of pictures, which `require_canvas` has seen to."""
    return (pictures[place] for place in range(len(pictures)))


def make(
    job: Job,
    prior: Prior,
    extent: tuple[int, int],
    on_step: Callable[[int, int], None],
    stop_requested: Callable[[], bool],
) -> CanvasRecord:
    """Draw, measure and store.

    Args:
        prior: In eval mode, on the device of the job.
        on_step: Told after each code how many are done, of how many.

    Raises:
        SamplingStopped: `stop_requested` said so; nothing is kept.
    """
    begin, path = time.perf_counter(), canvas_path(job, extent)
    canvas = draw(job, prior, extent, on_step, stop_requested)
    record = CanvasRecord(
        schema_version=SCHEMA,
        id=path.stem,
        protocol=PROTOCOL,
        prior=job.path.stem,
        run=job.run.id,
        extent=extent,
        sampling=plain(asdict(job.generation.sampling)),
        seed=job.generation_seed,
        metrics=texture_metrics(canvas, _squares(job.real.test), _squares(job.data.test), job.encoder.device),
        environment=environment(job.encoder.device),
        command=f"{job.command} --canvas {extent[0]} {extent[1]}",
        created=datetime.now(timezone.utc),
        wall_seconds=round(time.perf_counter() - begin, 2),
    )
    save_picture(path.with_suffix(".png"), canvas.numpy(), f"{path.stem}: {record.command}")
    write_model(path, record)
    return record
