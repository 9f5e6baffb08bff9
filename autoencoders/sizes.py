"""The backbones of all signals by name, apart from the networks: to read their sizes needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
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

BackboneName = Literal[PictureBackboneName, AudioBackboneName]
BackboneConfig = PictureBackboneConfig | AudioBackboneConfig

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
}
"""The sizes of each backbone; `backbones.NETWORKS` has what is made of them."""


def backbone_of(config: BackboneConfig) -> BackboneName:
    """The name of the backbone whose sizes these are."""
    return next(name for name in get_args(BackboneName) if type(config) is BACKBONES[name])
