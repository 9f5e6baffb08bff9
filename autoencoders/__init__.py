"""Backbones that a quantizer plugs into, their discriminator and their losses."""

from autoencoders.block_mean import BlockMean
from autoencoders.discriminator import PatchDiscriminator
from autoencoders.memory import TrainingMemory, training_memory
from autoencoders.tokenizer import OneMapTokenizer, Tokenizer, TokenizerOutput, TrainableTokenizer
from autoencoders.vqgan import VQGAN, VQGANConfig
from autoencoders.vqgan_loss import Loss, LossConfig, VQGANLoss

__all__ = [
    "VQGAN",
    "BlockMean",
    "Loss",
    "LossConfig",
    "OneMapTokenizer",
    "PatchDiscriminator",
    "Tokenizer",
    "TokenizerOutput",
    "TrainableTokenizer",
    "TrainingMemory",
    "VQGANConfig",
    "VQGANLoss",
    "training_memory",
]
