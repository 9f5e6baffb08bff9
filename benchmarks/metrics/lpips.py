"""LPIPS between pictures (Zhang et al. 2018), version 0.1 on VGG-16, as the VQGAN papers report it."""

from __future__ import annotations

from jaxtyping import Float, Num
from torch import Tensor, nn

from autoencoders.pictures.perceptual import LPIPSNet, load_lpips
from benchmarks.metrics.pictures import to_unit_range
from storage.paths import StrPath

MIN_SIZE = 16  # pixels; VGG-16 halves four times before its last feature


class LPIPS(nn.Module):
    """Distance of each picture to its original in levels from 0 to 255, non-negative, 0 for equal ones.

    `backbone` is torchvision's file of the weights of `net`: VGG-16, the protocol's, or AlexNet. Raises
    ValueError if the file holds something else.
    """

    def __init__(self, backbone: StrPath, net: LPIPSNet = "vgg") -> None:
        super().__init__()
        self.network = load_lpips(backbone, net)

    def forward(
        self, reconstructions: Num[Tensor, "b 3 h w"], originals: Num[Tensor, "b 3 h w"]
    ) -> Float[Tensor, " b"]:
        distances: Tensor = self.network(to_unit_range(reconstructions), to_unit_range(originals))
        return distances.flatten()
