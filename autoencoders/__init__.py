"""Backbones that a quantizer plugs into, their discriminator and their losses."""

from autoencoders.block_mean import BlockMean
from autoencoders.discriminator import PatchDiscriminator
from autoencoders.memory import TrainingMemory, training_memory
from autoencoders.tokenizer import Tokenizer, TrainableTokenizer
from autoencoders.vqgan import VQGAN, VQGANConfig
from autoencoders.vqgan_loss import Loss, LossConfig, VQGANLoss

__all__ = [
    "VQGAN",
    "BlockMean",
    "Loss",
    "LossConfig",
    "PatchDiscriminator",
    "Tokenizer",
    "TrainableTokenizer",
    "TrainingMemory",
    "VQGANConfig",
    "VQGANLoss",
    "training_memory",
]
