"""Backbones for sound at sizes that cost nothing, and sounds to try them on."""

from dataclasses import replace

import torch
from torch import Tensor

from autoencoders.audio.sizes import AudioBackboneConfig, DACConfig, LevelsConfig, MDCTConfig, SEANetConfig
from autoencoders.backbones import create_tokenizer
from autoencoders.tokenizer import TrainableTokenizer
from quantizers import Quantizer

SEANET = SEANetConfig(16_000, width=4, strides=(2, 3), lstm_layers=1)

SMALL: dict[str, AudioBackboneConfig] = {
    "seanet": SEANET,
    "dac": DACConfig(16_000, width=4, strides=(2, 3), decoder_width=16, dilations=(1, 3)),
    "mdct": MDCTConfig(block=6, width=8),
}


def codec(config: AudioBackboneConfig, quantizer: Quantizer) -> TrainableTokenizer:
    """A tokenizer of these sizes that lets signals through: so few layers of PyTorch's own start let so little through
    that all codes would be one."""
    torch.manual_seed(0)
    if isinstance(config, LevelsConfig):
        config = replace(config, start="variance")
    return create_tokenizer(config, [quantizer])


def tones(count: int, samples: int, channels: int = 1, sample_rate: int = 16_000) -> Tensor:
    """Sounds of a few harmonics each, (count, channels, samples), as loud as speech."""
    generator = torch.Generator().manual_seed(0)
    pitch = 80 + 200 * torch.rand(count, channels, 1, 1, generator=generator)
    harmonics = torch.arange(1, 6)[:, None]
    phases = 2 * torch.pi * torch.rand(count, channels, 5, 1, generator=generator)
    times = torch.arange(samples) / sample_rate
    return 0.1 * (torch.sin(2 * torch.pi * pitch * harmonics * times + phases) / harmonics).sum(2)
