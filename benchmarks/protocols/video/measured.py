"""What the video protocol measures; `video.md` says what each number means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.protocols.signal_sets import OF_RATES, SignalEvaluation
from benchmarks.records.films import save_moving
from storage.paths import StrPath

PROTOCOL = "video/1"

OF_FRAMES = ("psnr", "ssim", "ms_ssim")
"""Metrics of single frames, averaged over each clip."""

OF_CLIPS = (*OF_FRAMES, "psnr_clip", "flicker")
"""Metrics of single clips."""

OF_SETS = ("swd", "rfvd")
"""Metrics of all clips together."""

PER_PIXEL = {"bpp": "kbps", "bpp_entropy": "kbps_entropy", "bpp_modelled": "kbps_modelled"}
"""Bits per pixel, and the bitrate that each is of."""

METRICS = (*OF_CLIPS, *OF_SETS, *OF_RATES, *PER_PIXEL)
"""In the order in which they are stored."""


SAMPLES, SAMPLE_FRAMES = 2, 32
"""Test clips that are kept to look at, and how many frames of each."""


@dataclass(frozen=True, kw_only=True)
class FilmEvaluation(SignalEvaluation):
    """What the protocol measures of a tokenizer or a codec on a test set. The samples are uint8, (clips, 3, frames,
    height, width).

    Attributes:
        per_frame: Metric -> float64 (clips, frames), of those of single frames.
        network: SHA-256 of the file of FVD's network, where it was at hand.
    """

    noun = "clip"

    per_frame: dict[str, np.ndarray]
    network: str | None = None

    @property
    def notes(self) -> dict[str, str]:
        """Metric -> what to know before reading it."""
        by_network = self.network is not None and "rfvd" not in self.missing
        return super().notes | ({"rfvd": f"by the network of SHA-256 {self.network}"} if by_network else {})

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored beside a record of it, by name."""
        return super().arrays() | {f"frame/{name}": values for name, values in self.per_frame.items()}

    def save_samples(self, path: StrPath, name: str) -> None:
        """Beside the record at `path` also the first clip as it moves, the original left of the reconstruction."""
        super().save_samples(path, name)
        save_moving(Path(path).with_suffix(".webp"), [samples[0] for samples in self.samples], self.rate)
