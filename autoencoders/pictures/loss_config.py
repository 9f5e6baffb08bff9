"""Terms and weights of the training loss, apart from the loss itself: to read them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autoencoders.ranges import Parts, Place, Size, Weight, check_ranges


@dataclass(frozen=True)
class LossConfig:
    """Terms and weights of the loss. The defaults are those of the published f16 model for ImageNet."""

    reconstruction: Literal["l1", "l2", "logit-laplace"] = "l1"
    """Mean absolute or mean squared difference, on [-1, 1]; or the mean negative log density of the pixels, for a
    tokenizer whose decoder gives their scale too."""
    perceptual: Literal["auto", "lpips", "ms-ssim", "none"] = "auto"
    """auto: LPIPS when the weights of its VGG16 are at hand, MS-SSIM when not."""
    perceptual_weight: Weight = 1.0
    """Weight of the perceptual term beside the reconstruction."""
    lpips_backbone: Path | None = None
    """File of LPIPS's VGG16; None looks into the torch hub cache."""
    gan: Literal["hinge", "vanilla", "non-saturating", "none"] = "hinge"
    """Adversarial loss."""
    gan_weight: Weight = 0.8
    """Weight of the adversarial term, on top of the adaptive weight."""
    gan_start: Place = 250_001
    """Step from which the discriminator is trained and counts."""
    codebook_weight: Weight = 1.0
    """Weight of the quantizer's loss."""
    discriminator_layers: Parts = 3
    """Stride-2 convolutions of the PatchGAN discriminator."""
    discriminator_width: Size = 64
    """Channels after its first convolution."""

    def __post_init__(self) -> None:
        if self.lpips_backbone is not None:
            object.__setattr__(self, "lpips_backbone", Path(self.lpips_backbone))
        check_ranges(self)
