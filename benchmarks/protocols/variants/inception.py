"""Ways of showing pictures to FID's Inception, which takes 299 x 299 pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Num
from PIL import Image
from torch import Tensor, nn

from benchmarks.metrics.inception import Inception
from storage.paths import StrPath

SIDE = 299
Shown = Float[Tensor, "b 3 299 299"]


def tensorflow(levels: Num[Tensor, "b 3 h w"]) -> Shown:
    """The protocol's own: bilinear as TensorFlow 1 does it, the upper left pixels on each other and without
    antialiasing, then (x - 128) / 128; of toshas/torch-fidelity, torch_fidelity/feature_extractor_inceptionv3.py."""
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x  # takes seconds

    resized: Tensor = interpolate_bilinear_2d_like_tensorflow1x(levels.float(), (SIDE, SIDE), align_corners=False)
    return (resized - 128) / 128


def clean(levels: Num[Tensor, "b 3 h w"]) -> Shown:
    """Pillow's bicubic with antialiasing, each channel in floating point, clamped to 0 to 255 and not rounded, then
    (x - 128) / 128; of GaParmar/clean-fid, cleanfid/resize.py and cleanfid/inception_torchscript.py."""

    def resize(channel: np.ndarray) -> np.ndarray:
        resized = Image.fromarray(channel).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        return np.asarray(resized).clip(0, 255)

    channels = levels.float().cpu().flatten(0, 1).numpy()
    resized = torch.from_numpy(np.stack([resize(channel) for channel in channels])).to(levels.device)
    return (resized.unflatten(0, levels.shape[:2]) - 128) / 128


def pytorch(levels: Num[Tensor, "b 3 h w"]) -> Shown:
    """Bilinear with pixel centres on a grid and without antialiasing, then 2 x - 1 of x in [0, 1]; of
    mseitzer/pytorch-fid, src/pytorch_fid/inception.py."""
    resized = F.interpolate(levels.float() / 255, (SIDE, SIDE), mode="bilinear", align_corners=False)
    return 2 * resized - 1


INCEPTION_INPUTS: Mapping[str, Callable[[Num[Tensor, "b 3 h w"]], Shown]] = {
    "tensorflow": tensorflow,
    "clean-fid": clean,
    "pytorch-fid": pytorch,
}


def features_of(inception: StrPath) -> nn.Module:
    """The protocol's network without its own resize and its demand for 8 bits: from what a function above gives to
    features, (B, 2048).

    torch-fidelity's children stand in the order in which they are called, the classifier last.
    """
    *layers, _ = Inception(inception).network.children()
    return nn.Sequential(*layers, nn.Flatten()).eval()
