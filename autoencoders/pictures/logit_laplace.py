"""The logit-Laplace distribution of a pixel: a Laplace distribution on the real line, through a sigmoid.

Ramesh et al. 2021, "Zero-Shot Text-to-Image Generation" (arXiv:2102.12092), appendix A.3. Unlike the usual Laplace and
Gaussian distributions, it lies on (0, 1) as pixels do.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

EPSILON = 0.1
"""Pixels are squeezed into (ε, 1 - ε), for log x(1 - x) is infinite at 0 and 1."""

NEAREST = 1e-6
"""How near to 0 and 1 a mean is told apart in float32: |μ| up to 13.8, where pixels lie at |logit x| ≤ 2.2."""


def squeeze(images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b c H W"]:
    """Pixels in [-1, 1] as values in [ε, 1 - ε]."""
    return (1 - 2 * EPSILON) * ((images + 1) / 2) + EPSILON


def unsqueeze(values: Float[Tensor, "b c H W"]) -> Float[Tensor, "b c H W"]:
    """Values as pixels, the inverse of `squeeze`; values in (0, 1) outside [ε, 1 - ε] lie outside [-1, 1]."""
    return 2 * ((values - EPSILON) / (1 - 2 * EPSILON)) - 1


def negative_log_density(
    values: Float[Tensor, "*shape"], location: Float[Tensor, "*shape"], log_scale: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """-log f(x | μ, b) = log 2b + log x(1 - x) + |logit x - μ| / b, in nats.

    Args:
        values: x, in (0, 1).
        location: μ; any.
        log_scale: log b; any.
    """
    jacobian = values.log() + torch.log1p(-values)
    return math.log(2) + log_scale + jacobian + (torch.logit(values) - location).abs() * torch.exp(-log_scale)


def logit_laplace_loss(
    images: Float[Tensor, "b c H W"], reconstruction: Float[Tensor, "b c H W"], log_scale: Float[Tensor, "b c H W"]
) -> Float[Tensor, ""]:
    """Mean of -log f over pixels and channels, in nats and float32; it may be negative, as a density may exceed 1.

    Args:
        images: Pixels in [-1, 1].
        reconstruction: `unsqueeze(sigmoid(μ))`, not clamped.
        log_scale: log b of each pixel.
    """
    location = torch.logit(squeeze(reconstruction.float()), eps=NEAREST)
    return negative_log_density(squeeze(images.float()), location, log_scale.float()).mean()
