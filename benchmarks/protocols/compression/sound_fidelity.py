"""How far sounds are from what they were, and what their files cost."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32
from torch import Tensor

from benchmarks.metrics.device import full_float32
from benchmarks.protocols.audio.fidelity import SoundFidelity
from benchmarks.protocols.compression.fidelity import Fidelity, Numbers
from benchmarks.protocols.signals import Coded

UNMEASURED = "{} of {} sounds leave it nothing to measure (silent, or too short) and have no part in the mean"


class SoundFileFidelity(Fidelity[Float32[Tensor, "c n"]]):
    """The audio protocol's metrics of sounds that were files, clamped to [-1, 1].

    What a codec gives beyond the end of a sound is cut off, and what it leaves out is silence: containers do not all
    keep the length to the sample.

    Args:
        sample_rate: in Hz.
        device: where tokenizers are; the metrics are computed on the CPU.
    """

    def __init__(self, sample_rate: int, device: torch.device) -> None:
        self.sample_rate, self.metrics = sample_rate, SoundFidelity(sample_rate)
        super().__init__(device, self.metrics.missing)

    @torch.no_grad()
    def __call__(self, decoded: Float32[Tensor, "c m"], original: Float32[Tensor, "c n"]) -> Numbers:
        """The numbers of one sound."""
        length = original.shape[1]
        fitted = F.pad(decoded[:, :length], (0, max(0, length - decoded.shape[1])))
        with full_float32():
            return self.metrics(Coded(0, original, fitted.clamp(-1, 1), [])).numbers

    def cost(self, item: Float32[Tensor, "c n"], size: int, encode_seconds: float, decode_seconds: float) -> Numbers:
        """Kilobits a second, and seconds of sound that are coded, and decoded, in a second."""
        seconds = item.shape[1] / self.sample_rate
        return {
            "kbps": 8 * size / seconds / 1000,
            "encode_realtime": seconds / encode_seconds,
            "decode_realtime": seconds / decode_seconds,
        }

    def mean(self, name: str, values: np.ndarray) -> tuple[float | None, str | None]:
        """Over the sounds that have a number; None where none has one."""
        there = values[~np.isnan(values)]
        said = UNMEASURED.format(len(values) - len(there), len(values)) if len(there) < len(values) else None
        return (float(there.mean()) if len(there) else None), said
