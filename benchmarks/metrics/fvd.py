"""The network of the Fréchet video distance (Unterthiner et al. 2018, arXiv:1812.01717): I3D, from a TorchScript file.

The file in common use, `i3d_torchscript.pt` of StyleGAN-V (Skorokhodov et al. 2022), holds DeepMind's network of
Kinetics-400. It is not shipped and not fetched; whoever has it names its path.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from benchmarks.metrics.unmeasured import Unmeasured
from benchmarks.metrics.weights import sha256
from storage.paths import StrPath

SIDE = 224
"""Pixels that frames are resized to, bilinear, without antialiasing, as the papers' program does."""

FEWEST = 10
"""Frames, of which the network still has a position left at its end."""


class VideoFeatures(nn.Module):
    """Features of clips by a TorchScript file with the interface of StyleGAN-V's:
    `(films, rescale, resize, return_features)`, films (B, 3, T, H, W) in [-1, 1].

    Attributes:
        digest: SHA-256 of the file, for the record.

    Raises:
        ValueError: no such file, or none that TorchScript can read.
    """

    def __init__(self, path: StrPath) -> None:
        super().__init__()
        if not Path(path).is_file():
            raise ValueError(f"there is no file {path}; expected the I3D network of FVD as TorchScript")
        self.digest = sha256(path)
        try:
            self.network = torch.jit.load(str(path), map_location="cpu").eval()
        except RuntimeError as error:
            raise ValueError(f"{path} is no TorchScript file") from error

    @torch.no_grad()
    def forward(self, clip: UInt8[Tensor, "t 3 h w"]) -> Float[Tensor, " d"]:
        """Of one clip; Unmeasured under ten frames."""
        if len(clip) < FEWEST:
            raise Unmeasured(f"under {FEWEST} frames")
        device = next(self.network.parameters()).device
        frames = F.interpolate(clip.to(device).float(), (SIDE, SIDE), mode="bilinear", align_corners=False)
        films = (frames / 127.5 - 1).movedim(0, 1)[None]
        features: Tensor = self.network(films, rescale=False, resize=False, return_features=True)
        return features[0].float().cpu()
