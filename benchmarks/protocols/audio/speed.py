"""How fast a tokenizer of sounds runs on one thread, and how much memory that takes."""

from __future__ import annotations

import torch
from jaxtyping import Float32
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.data.machine import torch_threads
from benchmarks.metrics.speed import median_seconds, peak_memory_growth
from benchmarks.protocols.audio.coded import with_whole_strides
from benchmarks.protocols.audio.latency import latency_samples


@torch.no_grad()
def measure_sound_speed(
    tokenizer: Tokenizer, sound: Float32[Tensor, "c n"], sample_rate: int, device: torch.device | str = "cpu"
) -> dict[str, float | None]:
    """Of a tokenizer in eval mode, in float32, on one sound, which silence fills up to a multiple of the stride.

    Returns:
        `encode_realtime`, `decode_realtime`: seconds of sound to codes, and back, in a second of one CPU thread;
        `latency_ms`: of `latency_samples`; None where it is unbounded;
        `peak_memory_megabytes` (10^6 bytes): as `benchmarks.metrics.speed` has it, for this sound there and back.
    """
    device = torch.device(device)
    signal = with_whole_strides(tokenizer, sound).to(device)
    seconds = signal.shape[2] / sample_rate
    with torch_threads(1):
        codes = tokenizer.encode(signal)
        encode = median_seconds(lambda: tokenizer.encode(signal))
        decode = median_seconds(lambda: tokenizer.decode(codes))
        peak = peak_memory_growth(lambda: tokenizer.decode(tokenizer.encode(signal)), device)
        latency = latency_samples(tokenizer)
    return {
        "encode_realtime": seconds / encode,
        "decode_realtime": seconds / decode,
        "latency_ms": None if latency is None else 1000 * latency / sample_rate,
        "peak_memory_megabytes": None if peak is None else peak / 1e6,
    }
