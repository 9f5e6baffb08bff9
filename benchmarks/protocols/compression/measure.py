"""What a way of turning pictures into files is worth: bytes, fidelity and time of each picture."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from PIL import Image

from benchmarks.data.transforms import to_tensor
from benchmarks.metrics.device import full_float32, measuring_device
from benchmarks.metrics.lpips import LPIPS, MIN_SIZE as LPIPS_MIN_SIZE
from benchmarks.metrics.pictures import psnr
from benchmarks.metrics.speed import peak_memory_growth
from benchmarks.metrics.ssim import MS_SSIM_MIN_SIZE, ms_ssim, ssim
from benchmarks.metrics.ssimulacra2 import ssimulacra2
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.compression.pictures import PictureCodec
from priors import GPT, Prior
from priors.information import information, information_in_float

Numbers = dict[str, float]
"""Of one picture, by metric; NaN where it has none."""


class PictureCoder(Protocol):
    """From an RGB picture to a file and back."""

    def encode(self, picture: Image.Image) -> bytes: ...

    def decode(self, data: bytes) -> Image.Image: ...


class Fidelity:
    """How far pictures are from what they were, after rounding to 8 bits, at full size.

    Args:
        weights: where LPIPS's are, if they are at hand.
        device: where tokenizers are; it is computed there or, where that has no float64, on the CPU.

    Attributes:
        device: where tokenizers are.
        missing: metric -> why no picture has it.
    """

    def __init__(self, weights: MetricWeights, device: torch.device) -> None:
        self.device, self.computed_on = device, measuring_device(device)
        self.lpips = None if weights.lpips_backbone is None else LPIPS(weights.lpips_backbone).to(self.computed_on)
        self.missing = {} if self.lpips is not None else {"lpips": weights.missing["lpips"]}

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


def coded(coder: PictureCoder, picture: Image.Image, fidelity: Fidelity) -> Numbers:
    """One picture as a file and back: its size in bytes and in bits per pixel, seconds, and fidelity."""
    begin = time.perf_counter()
    data = coder.encode(picture)
    written = time.perf_counter()
    decoded = coder.decode(data)
    read = time.perf_counter()
    return {
        "bytes": float(len(data)),
        "bpp": 8 * len(data) / (picture.width * picture.height),
        "encode_seconds": written - begin,
        "decode_seconds": read - written,
        **fidelity(decoded, picture),
    }


def model_bits(codec: PictureCodec, prior: Prior | None, picture: Image.Image) -> Numbers:
    """What the picture's codes cost under the model of them without a coder; of a GPT also in its own float numbers.

    Args:
        codec: tokenizer and model.
        prior: what the model computes in fixed point, where it is one.
    """
    codes = codec.signal(picture).codes
    numbers = {"model_bits": information(codec.files.model, codes, codec.tokenizer.quantizers)}
    if isinstance(prior, GPT):
        numbers["float_bits"] = information_in_float(prior, codes)
    return numbers


def peak_memory(coder: PictureCoder, picture: Image.Image, device: torch.device) -> float | None:
    """Megabytes (10^6 bytes) that coding a picture and back takes at most above what was taken before, as
    `peak_memory_growth` measures them; None where that cannot be."""
    peak = peak_memory_growth(lambda: coder.decode(coder.encode(picture)), device)
    return None if peak is None else peak / 1e6


TOO_SMALL = {
    "ms_ssim": f"{{}} of {{}} pictures have a side under {MS_SSIM_MIN_SIZE} pixels, which do not hold its five scales",
    "lpips": f"{{}} of {{}} pictures have a side under {LPIPS_MIN_SIZE} pixels, which its network needs",
}


def means(numbers: Mapping[str, np.ndarray]) -> tuple[dict[str, float | None], dict[str, str]]:
    """Over the pictures, each counting the same, and why a metric has none: a picture that lacks it.

    Two more are of all pictures together: `overhead`, how many per cent of bits the files have more than the codes cost
    under their model, and `fixed_point`, how many those cost more in fixed point than in the prior's own numbers.

    Args:
        numbers: by metric, one for each picture.
    """
    absent = {name: int(np.isnan(values).sum()) for name, values in numbers.items()}
    found = {name: None if absent[name] else float(values.mean()) for name, values in numbers.items()}
    missing = {name: TOO_SMALL[name].format(count, len(numbers[name])) for name, count in absent.items() if count}
    if "model_bits" in numbers:
        found["overhead"] = _per_cent_more(8 * numbers["bytes"], numbers["model_bits"])
    if "float_bits" in numbers:
        found["fixed_point"] = _per_cent_more(numbers["model_bits"], numbers["float_bits"])
    return found, missing


def _per_cent_more(these: np.ndarray, those: np.ndarray) -> float:
    return 100 * (float(these.sum()) / float(those.sum()) - 1)
