"""Backbones for sound at sizes that cost nothing, and sounds to try them on."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from autoencoders.audio.sizes import AudioBackboneConfig, DACConfig, SEANetConfig
from autoencoders.backbones import create_tokenizer
from autoencoders.tokenizer import TrainableTokenizer
from quantizers import Quantizer

SEANET = SEANetConfig(16_000, width=4, strides=(2, 3), lstm_layers=1)

SMALL: dict[str, AudioBackboneConfig] = {
    "seanet": SEANET,
    "dac": DACConfig(16_000, width=4, strides=(2, 3), decoder_width=16, dilations=(1, 3)),
}


def codec(config: AudioBackboneConfig, quantizer: Quantizer) -> TrainableTokenizer:
    """A tokenizer of these sizes, whose convolutions keep the variance of what they are given: so few layers of
    PyTorch's own start let so little through that all codes would be one."""
    torch.manual_seed(0)
    made = create_tokenizer(config, [quantizer])
    for layer in made.modules():
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            seen = layer.in_channels * layer.kernel_size[0] / (layer.stride[0] if layer.transposed else 1)
            weight = torch.randn_like(layer.weight) * seen**-0.5
            layer.weight = weight if is_parametrized(layer) else nn.Parameter(weight)
    return made


def tones(count: int, samples: int, channels: int = 1, sample_rate: int = 16_000) -> Tensor:
    """Sounds of a few harmonics each, (count, channels, samples), as loud as speech."""
    generator = torch.Generator().manual_seed(0)
    pitch = 80 + 200 * torch.rand(count, channels, 1, 1, generator=generator)
    harmonics = torch.arange(1, 6)[:, None]
    phases = 2 * torch.pi * torch.rand(count, channels, 5, 1, generator=generator)
    times = torch.arange(samples) / sample_rate
    return 0.1 * (torch.sin(2 * torch.pi * pitch * harmonics * times + phases) / harmonics).sum(2)
