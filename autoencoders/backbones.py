"""The backbones by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from autoencoders.dvae import DVAE, DVAEConfig
from autoencoders.titok import TiTok, TiTokConfig
from autoencoders.tokenizer import TrainableTokenizer
from autoencoders.vit import ViTConfig, ViTTokenizer
from autoencoders.vqgan import VQGAN, VQGANConfig
from autoencoders.vqvae import VQVAE, VQVAEConfig
from autoencoders.vqvae2 import VQVAE2, VQVAE2Config
from quantizers import Quantizer

BackboneName = Literal["vqgan", "vqvae", "vqvae2", "vit", "1d", "dvae"]
BackboneConfig = VQGANConfig | VQVAEConfig | VQVAE2Config | ViTConfig | TiTokConfig | DVAEConfig


class Backbone(NamedTuple):
    """One kind of network around its quantizers: the sizes that it has, and what is made of them."""

    config: type[BackboneConfig]
    tokenizer: type[TrainableTokenizer]


BACKBONES: Mapping[BackboneName, Backbone] = {
    "vqgan": Backbone(VQGANConfig, VQGAN),
    "vqvae": Backbone(VQVAEConfig, VQVAE),
    "vqvae2": Backbone(VQVAE2Config, VQVAE2),
    "vit": Backbone(ViTConfig, ViTTokenizer),
    "1d": Backbone(TiTokConfig, TiTok),
    "dvae": Backbone(DVAEConfig, DVAE),
}


def backbone_of(config: BackboneConfig) -> BackboneName:
    """The name of the backbone whose sizes these are."""
    return next(name for name in get_args(BackboneName) if type(config) is BACKBONES[name].config)


def code_maps_of(config: BackboneConfig) -> tuple[str, ...]:
    """Names of the code maps of the backbone: a quantizer is needed for each."""
    return BACKBONES[backbone_of(config)].tokenizer.maps


def finest_stride(config: BackboneConfig) -> int:
    """Pixels per position, along each side, of the finest code map."""
    return config.bottom_stride if isinstance(config, VQVAE2Config) else config.stride


def positions_of(config: BackboneConfig) -> int:
    """Positions of all code maps of a picture of the config's image_size."""
    if isinstance(config, TiTokConfig):
        return config.latent_tokens
    strides = {finest_stride(config), config.stride}  # of the VQ-VAE-2 two
    return sum((config.image_size // stride) ** 2 for stride in strides)


def create_tokenizer(config: BackboneConfig, quantizers: Sequence[Quantizer]) -> TrainableTokenizer:
    """A tokenizer to train, of these sizes, around a quantizer for each of its code maps."""
    return BACKBONES[backbone_of(config)].tokenizer(config, *quantizers)
