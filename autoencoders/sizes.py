"""The backbones of all signals by name, apart from the networks: to read their sizes needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from autoencoders.audio.sizes import AudioBackboneConfig, AudioBackboneName, DACConfig, MDCTConfig, SEANetConfig
from autoencoders.pictures.sizes import (
    DVAEConfig,
    PictureBackboneConfig,
    PictureBackboneName,
    TiTokConfig,
    ViTConfig,
    VQGANConfig,
    VQVAE2Config,
    VQVAEConfig,
)
from autoencoders.video.sizes import FilmBackboneConfig, FilmBackboneName, MAGVIT2Config, VidTokConfig

BackboneName = Literal[PictureBackboneName, AudioBackboneName, FilmBackboneName]
BackboneConfig = PictureBackboneConfig | AudioBackboneConfig | FilmBackboneConfig

BACKBONES: Mapping[BackboneName, type[BackboneConfig]] = {
    "vqgan": VQGANConfig,
    "vqvae": VQVAEConfig,
    "vqvae2": VQVAE2Config,
    "vit": ViTConfig,
    "1d": TiTokConfig,
    "dvae": DVAEConfig,
    "seanet": SEANetConfig,
    "dac": DACConfig,
    "mdct": MDCTConfig,
    "magvit2": MAGVIT2Config,
    "vidtok": VidTokConfig,
}
"""The sizes of each backbone; `backbones.NETWORKS` has what is made of them."""


def backbone_of(config: BackboneConfig) -> BackboneName:
    """The name of the backbone whose sizes these are."""
    return next(name for name in get_args(BackboneName) if type(config) is BACKBONES[name])


def misfit(config: BackboneConfig, extent: Sequence[int]) -> str | None:
    """What signals of that extent are not, in words, that a backbone would have to be trained on; None where it can."""
    if isinstance(config, FilmBackboneConfig):
        return config.misfit(extent)
    return f"no multiples of the backbone's stride {config.stride}" if any(e % config.stride for e in extent) else None
