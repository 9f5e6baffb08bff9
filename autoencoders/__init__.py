"""Backbones that a quantizer plugs into, their discriminator and their losses."""

from autoencoders.backbones import (
    BACKBONES,
    BackboneConfig,
    BackboneName,
    backbone_of,
    code_maps_of,
    create_tokenizer,
    finest_stride,
    positions_of,
)
from autoencoders.blocks import BlockKMeans, BlockMean, BlockPCA, BlockTokenizer
from autoencoders.discriminator import PatchDiscriminator
from autoencoders.dvae import DVAE, DVAEConfig
from autoencoders.memory import TrainingMemory, training_memory
from autoencoders.titok import TiTok, TiTokConfig
from autoencoders.tokenizer import OneMapTokenizer, Tokenizer, TokenizerOutput, TrainableTokenizer
from autoencoders.vit import ViTConfig, ViTTokenizer
from autoencoders.vqgan import VQGAN, VQGANConfig
from autoencoders.vqgan_loss import Loss, LossConfig, VQGANLoss
from autoencoders.vqvae import VQVAE, VQVAEConfig
from autoencoders.vqvae2 import VQVAE2, VQVAE2Config

__all__ = [
    "BACKBONES",
    "DVAE",
    "VQGAN",
    "VQVAE",
    "VQVAE2",
    "BackboneConfig",
    "BackboneName",
    "BlockKMeans",
    "BlockMean",
    "BlockPCA",
    "BlockTokenizer",
    "DVAEConfig",
    "Loss",
    "LossConfig",
    "OneMapTokenizer",
    "PatchDiscriminator",
    "TiTok",
    "TiTokConfig",
    "Tokenizer",
    "TokenizerOutput",
    "TrainableTokenizer",
    "TrainingMemory",
    "VQGANConfig",
    "VQGANLoss",
    "VQVAE2Config",
    "VQVAEConfig",
    "ViTConfig",
    "ViTTokenizer",
    "backbone_of",
    "code_maps_of",
    "create_tokenizer",
    "finest_stride",
    "positions_of",
    "training_memory",
]
