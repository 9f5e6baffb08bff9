"""The metrics of a variant as objects that see the pictures batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Num
from torch import Tensor, nn

from autoencoders.pictures.perceptual import LPIPS_BACKBONES, LPIPSNet, find_lpips_backbone
from benchmarks.metrics import swd
from benchmarks.metrics.fid import FeatureSums, frechet_distance
from benchmarks.metrics.inception import FEATURES
from benchmarks.metrics.lpips import LPIPS
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.reconstruction.share import MIN_SIZE
from benchmarks.protocols.variants.forms import CHANNELS, MS_SSIM_FORMS, PSNR_FORMS, SSIM_FORMS, Similarity, mean, rgb
from benchmarks.protocols.variants.inception import INCEPTION_INPUTS, Shown, features_of
from benchmarks.protocols.variants.variants import Variant

Levels = Num[Tensor, "b 3 h w"]


class Measurement(Protocol):
    """A metric that sees the pictures batch by batch, in levels from 0 to 255."""

    def update(self, originals: Levels, reconstructions: Levels) -> None: ...
    def value(self) -> float: ...


class OfPictures:
    """A number of each picture, and from those one of all."""

    def __init__(
        self,
        of_picture: Similarity,
        of_all: Callable[[Tensor], float] = mean,
        channels: Callable[[Levels], Tensor] = rgb,
    ) -> None:
        self.of_picture, self.of_all, self.channels = of_picture, of_all, channels
        self.values: list[Tensor] = []

    def update(self, originals: Levels, reconstructions: Levels) -> None:
        values = self.of_picture(self.channels(reconstructions), self.channels(originals))
        self.values.append(values.double().cpu())

    def value(self) -> float:
        return self.of_all(torch.cat(self.values))


class OfFeatures:
    """Fréchet distance of the features of what a network is shown."""

    def __init__(self, network: nn.Module, shown: Callable[[Levels], Shown], device: torch.device) -> None:
        self.network, self.shown = network, shown
        self.sums = FeatureSums.zeros(FEATURES, device), FeatureSums.zeros(FEATURES, device)

    def update(self, originals: Levels, reconstructions: Levels) -> None:
        for sums, pictures in zip(self.sums, (originals, reconstructions), strict=True):
            sums.update(self.network(self.shown(pictures)))

    def value(self) -> float:
        return frechet_distance(*self.sums)


class OfPatches:
    """SWD, which needs the protocol's first pictures all at once."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.count = device, 0
        self.kept: tuple[list[Tensor], list[Tensor]] = [], []

    def update(self, originals: Levels, reconstructions: Levels) -> None:
        room = swd.MAX_PICTURES - self.count
        for kept, pictures in zip(self.kept, (originals, reconstructions), strict=True):
            kept.append(pictures[:room].cpu())
        self.count += len(self.kept[0][-1])

    def value(self) -> float:
        originals, reconstructions = map(torch.cat, self.kept)
        return swd.swd(originals, reconstructions, np.arange(self.count), self.device).mean


@dataclass(frozen=True)
class Networks:
    """Those that metrics need, and why others are not at hand."""

    inception: nn.Module | None
    lpips: Mapping[str, nn.Module]
    missing: Mapping[str, str]
    """Metric, or LPIPS backbone -> reason."""

    @classmethod
    def load(cls, weights: MetricWeights, nets: set[str], device: torch.device) -> Networks:
        """What the weights at hand allow; AlexNet's, which the protocol does not use, from the torch hub cache."""
        files: dict[LPIPSNet, Path | None]
        files = {"vgg": weights.lpips_backbone, "alex": find_lpips_backbone("alex") if "alex" in nets else None}
        missing = {
            **weights.missing,
            "vgg": weights.missing.get("lpips", ""),
            "alex": f"LPIPS on AlexNet needs torchvision's {LPIPS_BACKBONES['alex']} in the torch hub cache",
        }
        return cls(
            None if weights.inception is None else features_of(weights.inception).to(device),
            {net: LPIPS(path, net).to(device) for net, path in files.items() if path is not None and net in nets},
            missing,
        )


def cannot(metric: str, variant: Variant, networks: Networks, size: int, count: int) -> str | None:
    """Why a metric cannot be had, if it cannot."""
    least = MIN_SIZE.get(metric, 1)
    if size < least:
        return f"{metric} needs pictures of at least {least} x {least} pixels, got {size} x {size}"
    if metric == "lpips" and variant.lpips not in networks.lpips:
        return networks.missing[variant.lpips]
    if metric == "rfid" and networks.inception is None:
        return networks.missing["rfid"]
    if metric == "rfid" and count < 2:
        return "rfid needs at least 2 pictures for a covariance, the test set has 1"
    return None


def measurement(metric: str, variant: Variant, networks: Networks, device: torch.device) -> Measurement:
    """A metric in the form that the variant has it in."""
    channels = CHANNELS[variant.channels]
    if metric == "psnr":
        return OfPictures(*PSNR_FORMS[variant.psnr], channels)
    if metric == "ssim":
        return OfPictures(SSIM_FORMS[variant.ssim], channels=channels)
    if metric == "ms_ssim":
        return OfPictures(MS_SSIM_FORMS[variant.ms_ssim], channels=channels)
    if metric == "lpips":
        return OfPictures(networks.lpips[variant.lpips])
    if metric == "rfid" and networks.inception is not None:
        return OfFeatures(networks.inception, INCEPTION_INPUTS[variant.inception], device)
    return OfPatches(device)
