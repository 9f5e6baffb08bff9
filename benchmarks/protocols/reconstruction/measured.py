"""What the reconstruction protocol measures; `reconstruction.md` says what each number means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from benchmarks.records.samples import save_samples
from storage.paths import StrPath

PROTOCOL = "reconstruction/1"
SAMPLES = 8  # pictures kept to look at
SAMPLE_SIZE = (512, 512)
"""Height and width in pixels of their central part that is kept, of larger ones."""

OF_CODES = ("usage", "perplexity", "effective_rank", "bpp", "bpp_entropy")
METRICS = ("psnr", "ssim", "ms_ssim", "lpips", "rfid", "swd", *OF_CODES)
"""In the order in which they are stored."""


@dataclass(frozen=True)
class Evaluation:
    """What the protocol measures of a tokenizer on a test set."""

    pictures: int
    metrics: dict[str, float | None]
    missing: dict[str, str]
    """Metric -> why it is None, and how to get it."""
    notes: dict[str, str]
    """Metric -> what to know before reading it, such as a test set too small for it."""
    per_image: dict[str, np.ndarray]
    """Metric -> float64 (pictures,), in the order of the test set."""
    resampled: dict[str, np.ndarray]
    """Metric that is no mean over pictures -> its values on the first of the fixed resamples of the test set."""
    code_counts: np.ndarray | None
    """int64 (codes_per_position, codebook_size); None above 2^20 codes and where there is no codebook."""
    samples: tuple[UInt8[Tensor, "n 3 h w"], UInt8[Tensor, "n 3 h w"]]
    """The test set's first pictures and their reconstructions, the central part of large ones."""

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored beside a record of it, by name."""
        originals, reconstructions = self.samples
        counts = {} if self.code_counts is None else {"code_counts": np.asarray(self.code_counts)}
        return {
            **{f"image/{name}": values for name, values in self.per_image.items()},
            **{f"resampled/{name}": values for name, values in self.resampled.items()},
            "samples/original": np.asarray(originals),
            "samples/reconstruction": np.asarray(reconstructions),
            **counts,
        }

    def save_samples(self, path: StrPath, name: str) -> None:
        """The picture beside the record at `path`: originals over what a tokenizer, so named, made of them."""
        originals, reconstructions = (np.asarray(part) for part in self.samples)
        save_samples(Path(path).with_suffix(".png"), {"original": originals, name: reconstructions})
