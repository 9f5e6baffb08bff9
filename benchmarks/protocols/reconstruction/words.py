"""The protocol in a sentence, for the screen and the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.protocols.reconstruction.measured import PROTOCOL

ROUNDING = "pictures in [-1, 1] in, clamped and rounded to 8 bits on the way out"

PICTURES_ALONE = "8-bit reconstructions as they are"

MEASURES = {
    "psnr": "PSNR per picture",
    "ssim": "SSIM (Gaussian window)",
    "ms_ssim": "MS-SSIM (five scales)",
    "lpips": "LPIPS 0.1 on VGG-16",
    "rfid": "rFID by TensorFlow's Inception of 2015 (torch-fidelity), 2048 features, float64 statistics",
    "swd": "SWD of Laplacian-pyramid patches",
}
"""How each metric is computed, in short; `protocols/reconstruction.md` says it in full."""


def in_words(data: Mapping[str, Any], metrics: Mapping[str, float | None]) -> str:
    """What was done to the pictures, and what was measured.

    Args:
        data: As in the record.
        metrics: Those that are not None are named.
    """
    crop = data["test"]["crop"].replace("image_size", f"{data['image_size']} px")
    rounding = PICTURES_ALONE if "reconstructions" in data else ROUNDING
    measured = ", ".join(words for name, words in MEASURES.items() if metrics.get(name) is not None)
    return f"{PROTOCOL}: {crop}; {rounding}; {measured}"
