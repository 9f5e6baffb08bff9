"""A backbone for films at sizes that cost nothing, and films to try it on."""

import torch
from torch import Tensor, nn

from autoencoders.video.magvit2 import MAGVIT2
from autoencoders.video.sizes import MAGVIT2Config
from quantizers import Quantizer

SMALL = MAGVIT2Config(width=4, multipliers=(1, 1, 2), strides=((1, 2), (2, 2)), blocks=1)


def tokenizer(config: MAGVIT2Config, quantizer: Quantizer) -> MAGVIT2:
    """A tokenizer of these sizes, in float64, whose residual branches take part from the start."""
    torch.manual_seed(0)
    made = MAGVIT2(config, quantizer)
    for block in made.blocks():
        nn.init.normal_(block.branch[-1].conv.weight, std=0.1)
    return made.double()


def films(count: int, frames: int, side: int, channels: int = 3) -> Tensor:
    """Noise that is smooth in space and changes from frame to frame, (count, channels, frames, side, side)."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, channels, frames, 5, 5, generator=generator, dtype=torch.float64) * 2 - 1
    return nn.functional.interpolate(coarse, (frames, side, side), mode="trilinear")
