"""What the video protocol measures; `video.md` says what each number means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.protocols.signals import OF_RATES

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


@dataclass(frozen=True)
class FilmEvaluation:
    """What the protocol measures of a tokenizer or a codec on a test set.

    Attributes:
        clips: How many.
        seconds: Of all of them together.
        metrics: Of the whole set.
        missing: Metric -> why it is None, and how to get it.
        unmeasured: Metric -> clips, by place, that have no number, and why.
        per_clip: Metric -> float64 (clips,), in the order of the test set; not a number where there is none.
        per_frame: Metric -> float64 (clips, frames), of those of single frames.
        resampled: Metric that is no mean over clips -> its values on the fixed resamples of the test set.
        usage: Of each codebook, the share of its codes that occur; none without codes.
        perplexity: Of each codebook, 2^entropy.
    """

    clips: int
    seconds: float
    metrics: dict[str, float | None]
    missing: dict[str, str]
    unmeasured: dict[str, dict[int, str]]
    per_clip: dict[str, np.ndarray]
    per_frame: dict[str, np.ndarray]
    resampled: dict[str, np.ndarray]
    usage: tuple[float, ...] = ()
    perplexity: tuple[float, ...] = ()

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored beside a record of it, by name."""
        return {
            **{f"clip/{name}": values for name, values in self.per_clip.items()},
            **{f"frame/{name}": values for name, values in self.per_frame.items()},
            **{f"resampled/{name}": values for name, values in self.resampled.items()},
        }
