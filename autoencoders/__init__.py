"""Backbones that a quantizer plugs into, their discriminator and their losses."""

from autoencoders.block_mean import BlockMean
from autoencoders.discriminator import PatchDiscriminator
from autoencoders.memory import TrainingMemory, training_memory
from autoencoders.titok import TiTok, TiTokConfig
from autoencoders.tokenizer import OneMapTokenizer, Tokenizer, TokenizerOutput, TrainableTokenizer
from autoencoders.vit import ViTConfig, ViTTokenizer
from autoencoders.vqgan import VQGAN, VQGANConfig
from autoencoders.vqgan_loss import Loss, LossConfig, VQGANLoss

__all__ = [
    "VQGAN",
    "BlockMean",
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
    "ViTConfig",
    "ViTTokenizer",
    "training_memory",
]
