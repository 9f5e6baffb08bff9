"""How fast a tokenizer of films runs on one thread, and how much memory that takes."""

from __future__ import annotations

import torch
from jaxtyping import UInt8
from torch import Tensor

from autoencoders import Tokenizer
from autoencoders.extents import extended
from benchmarks.data.machine import torch_threads
from benchmarks.metrics.pictures import to_unit_range
from benchmarks.metrics.speed import median_seconds, peak_memory_growth


@torch.no_grad()
def measure_film_speed(
    tokenizer: Tokenizer, clip: UInt8[Tensor, "3 t h w"], device: torch.device | str = "cpu"
) -> dict[str, float | None]:
    """Of a tokenizer in eval mode, in float32, on one clip, which goes on as it ends to what the tokenizer takes.

    Returns:
        `encode_frames_per_second`, `decode_frames_per_second`: frames of the clip to codes, and back, in a second of
        one CPU thread;
        `peak_memory_megabytes` (10^6 bytes): as `benchmarks.metrics.speed` has it, for this clip there and back.
    """
    device = torch.device(device)
    signal = extended(tokenizer, to_unit_range(clip.movedim(1, 0)).movedim(0, 1)[None].to(device))
    frames = clip.shape[1]
    with torch_threads(1):
        codes = tokenizer.encode(signal)
        encode = median_seconds(lambda: tokenizer.encode(signal))
        decode = median_seconds(lambda: tokenizer.decode(codes))
        peak = peak_memory_growth(lambda: tokenizer.decode(tokenizer.encode(signal)), device)
    return {
        "encode_frames_per_second": frames / encode,
        "decode_frames_per_second": frames / decode,
        "peak_memory_megabytes": None if peak is None else peak / 1e6,
    }
