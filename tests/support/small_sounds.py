"""Backbones for sound at sizes that cost nothing, and sounds to try them on."""

import torch
from torch import Tensor

from autoencoders.audio.backbones import create_audio_tokenizer
from autoencoders.audio.sizes import AudioBackboneConfig, DACConfig, SEANetConfig
from autoencoders.tokenizer import TrainableTokenizer
from quantizers import Quantizer

SEANET = SEANetConfig(16_000, width=4, strides=(2, 3), lstm_layers=1)

SMALL: dict[str, AudioBackboneConfig] = {
    "seanet": SEANET,
    "dac": DACConfig(16_000, width=4, strides=(2, 3), decoder_width=16, dilations=(1, 3)),
}


def codec(config: AudioBackboneConfig, quantizer: Quantizer, *, alive: bool = True) -> TrainableTokenizer:
    """A tokenizer of these sizes; `alive`: the residual branches that start from zeros are drawn at random, too."""
    torch.manual_seed(0)
    made = create_audio_tokenizer(config, quantizer)
    for parameter in made.parameters():
        if alive and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.5)
    return made


def tones(count: int, samples: int, channels: int = 1, sample_rate: int = 16_000) -> Tensor:
    """Sounds of a few harmonics each, (count, channels, samples), as loud as speech."""
    generator = torch.Generator().manual_seed(0)
    pitch = 80 + 200 * torch.rand(count, channels, 1, 1, generator=generator)
    harmonics = torch.arange(1, 6)[:, None]
    phases = 2 * torch.pi * torch.rand(count, channels, 5, 1, generator=generator)
    times = torch.arange(samples) / sample_rate
    return 0.1 * (torch.sin(2 * torch.pi * pitch * harmonics * times + phases) / harmonics).sum(2)
