"""LPIPS between 8-bit pictures (Zhang et al. 2018), version 0.1 on VGG-16, as the VQGAN papers report it."""

from __future__ import annotations

from pathlib import Path

from jaxtyping import Float, UInt8
from torch import Tensor, nn

from autoencoders.perceptual import load_lpips
from benchmarks.metrics.pictures import to_unit_range

MIN_SIZE = 16  # pixels; VGG-16 halves four times before its last feature


class LPIPS(nn.Module):
    """Distance of each picture to its original, non-negative, 0 for equal ones.

    `backbone` is torchvision's file of VGG-16 weights. Raises ValueError if the file holds something else.
    """

    def __init__(self, backbone: Path) -> None:
        super().__init__()
        self.network = load_lpips(backbone, "vgg")

    def forward(
        self, reconstructions: UInt8[Tensor, "b 3 h w"], originals: UInt8[Tensor, "b 3 h w"]
    ) -> Float[Tensor, " b"]:
        distances: Tensor = self.network(to_unit_range(reconstructions), to_unit_range(originals))
        return distances.flatten()
