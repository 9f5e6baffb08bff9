"""How fast a tokenizer runs and how much memory that takes."""

from __future__ import annotations

import ctypes
import gc
import logging
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.metrics.pictures import to_unit_range
from quantizers import Quantizer

MIN_SECONDS = 0.5  # of measured runs per part, after a warm-up


def median_seconds(work: Callable[[], object]) -> float:
    """Of a run, by PyTorch's timer, on as many threads as torch has: warmed up, and synchronised on a GPU."""
    # its import looks for a compiler, and warns of a CUDA without a GPU, which is nothing to the measurement
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    from torch.utils.benchmark import Timer

    timer = Timer("work()", globals={"work": work}, num_threads=torch.get_num_threads())
    return float(timer.blocked_autorange(min_run_time=MIN_SECONDS).median)


def _resident_bytes(field: str) -> int:
    """VmRSS (now) or VmHWM (the most so far) of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024


def peak_memory_growth(work: Callable[[], object], device: torch.device) -> float | None:
    """The most memory in bytes that `work` takes above what was taken before.

    On CUDA the tensors that PyTorch allocates; on Linux the physical memory of the process, whose high-water
    mark can be reset there. None elsewhere: an unreset mark would show whatever ran before.
    """
    gc.collect()
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return float(torch.cuda.max_memory_allocated(device) - before)
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # else memory that was freed but kept would be used again unseen
        Path("/proc/self/clear_refs").write_text("5")
        before = _resident_bytes("VmRSS")
        work()
        return float(max(0, _resident_bytes("VmHWM") - before))
    except (OSError, AttributeError, StopIteration):
        return None


def _latents(tokenizer: Tokenizer, images: Tensor) -> list[tuple[Quantizer, Tensor]]:
    """What each quantizer is given."""
    latents: list[tuple[Quantizer, Tensor]] = []
    hooks = [
        quantizer.register_forward_pre_hook(lambda quantizer, given: latents.append((quantizer, given[0])))
        for quantizer in tokenizer.quantizers
    ]
    try:
        tokenizer.quantize(images)
    finally:
        for hook in hooks:
            hook.remove()
    return latents


@torch.no_grad()
def measure_speed(
    tokenizer: Tokenizer, pictures: UInt8[Tensor, "b 3 h w"], device: torch.device | str
) -> dict[str, float | None]:
    """Throughput and memory of a tokenizer in eval mode, in float32, for one batch of pictures on `device`.

    Returns:
        `encode_images_per_second`: pictures in [-1, 1] to codes (encoder, projection, quantizer);
        `quantize_images_per_second`: the quantizers alone on their latents;
        `decode_images_per_second`: quantized latents to pictures;
        `peak_memory_megabytes` (10^6 bytes): the most that encoding and decoding the batch takes on top of
        the weights and the batch itself (`peak_memory_growth`; None where it cannot be measured);
        `batch_size`.
    """
    device = torch.device(device)
    images = to_unit_range(pictures.to(device))
    latents = _latents(tokenizer, images)
    quantized = [quantizer(latent).quantized for quantizer, latent in latents]
    peak = peak_memory_growth(lambda: tokenizer(images), device)
    count = len(images)
    return {
        "encode_images_per_second": count / median_seconds(lambda: tokenizer.encode(images)),
        "quantize_images_per_second": count
        / median_seconds(lambda: [quantizer(latent) for quantizer, latent in latents]),
        "decode_images_per_second": count / median_seconds(lambda: tokenizer.reconstruct(quantized)),
        "peak_memory_megabytes": None if peak is None else peak / 1e6,
        "batch_size": float(count),
    }
