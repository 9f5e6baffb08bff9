"""Adversarial losses of both players, where several discriminators judge a sound, and the comparison of their features.

EnCodec (Défossez et al. 2022, arXiv:2210.13438, section 3.4): hinge, means over the discriminators, features relative
to those of the real sounds. Descript Audio Codec (Kumar et al. 2023, arXiv:2306.06546): least squares (Mao et al. 2016,
arXiv:1611.04076), sums over the discriminators, as in the authors' code.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from autoencoders.audio.discriminators import Opinion
from autoencoders.audio.loss_config import AudioGAN


def audio_discriminator_loss(kind: AudioGAN, real: Sequence[Opinion], fake: Sequence[Opinion]) -> Float[Tensor, ""]:
    """Loss of the discriminators, from their opinions of real sounds and of reconstructions.

    hinge: the mean over them of max(0, 1 - real) + max(0, 1 + fake). least-squares: the sum over them of (1 - real)² +
    fake².
    """
    logits = [(of_real.logits.float(), of_fake.logits.float()) for of_real, of_fake in zip(real, fake, strict=True)]
    if kind == "hinge":
        return _sum(F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in logits) / len(logits)
    if kind == "least-squares":
        return _sum((1 - r).square().mean() + f.square().mean() for r, f in logits)
    raise ValueError(f"kind must be 'hinge' or 'least-squares', got {kind!r}.")


def audio_generator_loss(kind: AudioGAN, fake: Sequence[Opinion]) -> Float[Tensor, ""]:
    """Loss of the generator, given the opinions of its reconstructions.

    hinge: the mean over discriminators of max(0, 1 - fake). least-squares: the sum over them of (1 - fake)².
    """
    logits = [opinion.logits.float() for opinion in fake]
    if kind == "hinge":
        return _sum(F.relu(1 - f).mean() for f in logits) / len(logits)
    if kind == "least-squares":
        return _sum((1 - f).square().mean() for f in logits)
    raise ValueError(f"kind must be 'hinge' or 'least-squares', got {kind!r}.")


def feature_loss(kind: AudioGAN, real: Sequence[Opinion], fake: Sequence[Opinion]) -> Float[Tensor, ""]:
    """How far the features of reconstructions are from those of the real sounds, to which no gradient goes.

    Of each layer the mean absolute difference. hinge: over the mean magnitude of the real features, and the mean of all
    layers of all discriminators. least-squares: the sum of all.
    """
    pairs = [
        (of_real.detach().float(), of_fake.float())
        for opinions in zip(real, fake, strict=True)
        for of_real, of_fake in zip(*(opinion.features for opinion in opinions), strict=True)
    ]
    if kind == "hinge":
        return _sum(F.l1_loss(f, r) / r.abs().mean().clamp_min(1e-8) for r, f in pairs) / len(pairs)
    if kind == "least-squares":
        return _sum(F.l1_loss(f, r) for r, f in pairs)
    raise ValueError(f"kind must be 'hinge' or 'least-squares', got {kind!r}.")


def _sum(losses: Iterator[Tensor]) -> Tensor:
    return reduce(add, losses)
