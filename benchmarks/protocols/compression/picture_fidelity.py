"""How far pictures are from what they were, and what their files cost."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image

from benchmarks.data.transforms import to_tensor
from benchmarks.metrics.device import full_float32, measuring_device
from benchmarks.metrics.lpips import LPIPS, MIN_SIZE as LPIPS_MIN_SIZE
from benchmarks.metrics.pictures import psnr
from benchmarks.metrics.ssim import MS_SSIM_MIN_SIZE, ms_ssim, ssim
from benchmarks.metrics.ssimulacra2 import ssimulacra2
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.compression.fidelity import Fidelity, Numbers

TOO_SMALL = {
    "ms_ssim": f"{{}} of {{}} pictures have a side under {MS_SSIM_MIN_SIZE} pixels, which do not hold its five scales",
    "lpips": f"{{}} of {{}} pictures have a side under {LPIPS_MIN_SIZE} pixels, which its network needs",
}


class PictureFidelity(Fidelity[Image.Image]):
    """How far pictures are from what they were, after rounding to 8 bits, at full size.

    Args:
        weights: where LPIPS's are, if they are at hand.
        device: where tokenizers are; it is computed there or, where that has no float64, on the CPU.
    """

    def __init__(self, weights: MetricWeights, device: torch.device) -> None:
        self.computed_on = measuring_device(device)
        self.lpips = None if weights.lpips_backbone is None else LPIPS(weights.lpips_backbone).to(self.computed_on)
        super().__init__(device, {} if self.lpips is not None else {"lpips": weights.missing["lpips"]})

    @torch.no_grad()
    def __call__(self, decoded: Image.Image, original: Image.Image) -> Numbers:
        """The numbers of one picture. ValueError where it came back in another size."""
        if decoded.size != original.size:
            raise ValueError(f"a picture of {original.size} pixels came back with {decoded.size}")
        pair = [to_tensor(picture).unsqueeze(0).to(self.computed_on) for picture in (decoded, original)]
        side = min(original.size)
        with full_float32():
            numbers = {
                "psnr": psnr(*pair).item(),
                "ssim": ssim(*pair).item(),
                "ms_ssim": ms_ssim(*pair).item() if side >= MS_SSIM_MIN_SIZE else math.nan,
                "ssimulacra2": ssimulacra2(decoded, original),
            }
            if self.lpips is not None:
                numbers["lpips"] = self.lpips(*pair).item() if side >= LPIPS_MIN_SIZE else math.nan
        return numbers

    def cost(self, item: Image.Image, size: int, encode_seconds: float, decode_seconds: float) -> Numbers:
        """Bits per pixel, and seconds."""
        return {
            "bpp": 8 * size / (item.width * item.height),
            "encode_seconds": encode_seconds,
            "decode_seconds": decode_seconds,
        }

    def mean(self, name: str, values: np.ndarray) -> tuple[float | None, str | None]:
        """None where one picture has no number, with the reason."""
        if absent := int(np.isnan(values).sum()):
            return None, TOO_SMALL[name].format(absent, len(values))
        return float(values.mean()), None
