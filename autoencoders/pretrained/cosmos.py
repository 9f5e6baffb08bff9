"""The tokenizers of films of NVIDIA's Cosmos Tokenizer that have codes (DV), by its names.

NVIDIA 2025, "Cosmos World Foundation Model Platform for Physical AI" (arXiv:2501.03575), section 4; the layers are
those of github.com/NVIDIA/Cosmos-Tokenizer. Blocks of 4 frames × 4 × 4 pixels become their Haar coefficients, the first
frame a block of its own, repeated. Residual blocks see space and then time; the middle attends within each frame, and
each pixel to the frames before. Nothing looks at later frames, but the attention in time looks back without bounds: the
authors' own code takes films in clips, and they are not streamed here.

The authors publish TorchScript, which holds code beside the tensors and is not read here: somebody who trusts it saves
the tensors alone, `torch.save(torch.jit.load("autoencoder.jit").state_dict(), "cosmos.pt")`. Their names are taken from
the authors' source, which fills its own networks from such a file by name; no published file was at hand.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.pictures import layers as pictures
from autoencoders.pictures.layers import level, row
from autoencoders.pretrained.attention_free import CHANNELS
from autoencoders.pretrained.cosmos_layers import (
    PATCH,
    CausalConv,
    Haar,
    InverseHaar,
    ResidualBlock,
    SideDown,
    SideUp,
    TimeAttention,
    TimeDown,
    TimeUp,
    one_group,
    space_then_time,
)
from autoencoders.pretrained.files import build, read_tensors, renamed
from autoencoders.pretrained.sizes import CosmosConfig
from autoencoders.tokenizer import OneMapTokenizer
from autoencoders.video.layers import POINT, PerFrame
from quantizers import create_quantizer
from storage.paths import StrPath

LEVELS = (8, 8, 8, 5, 5, 5)
"""Of each channel of a latent."""

CONSTANTS = re.compile(r"(.*\.)?(wavelets|_arange|patch_size_buffer|_levels|_basis|implicit_codebook)")
"""What the networks have beside their weights, and TorchScript keeps."""

RESAMPLERS = re.compile(r".*\.(down|up)sample\..*")
"""Weights that the authors' layers have also where they resample nothing and do not use them. By their sizes the
published files do not have these, and networks made from their source do."""

RENAMED = (
    (r"\.norm\.(weight|bias)$", r".layer.\1"),
    (r"\.attn_1\.0\.norm\.layer\.", r".attn_1.0.layer.norm."),
    (r"\.attn_1\.0\.(\w+)\.conv3d\.", r".attn_1.0.layer.\1."),
    (r"\.attn_1\.1\.(\w+)\.conv3d\.", r".attn_1.1.\1."),
    (r"\.downsample\.conv1\.conv3d\.", r".downsample.side.conv1.layer.conv."),
    (r"\.downsample\.conv2\.conv3d\.", r".downsample.frames.conv2.conv."),
    (r"\.upsample\.conv1\.conv3d\.", r".upsample.frames.conv1.conv."),
    (r"\.upsample\.conv2\.conv3d\.", r".upsample.side.conv2.conv."),
    (r"\.conv3d\.", r".conv."),
)
"""The authors' names, and ours."""


def load_cosmos(path: StrPath, config: CosmosConfig) -> Cosmos:
    """A Cosmos tokenizer in eval mode.

    Args:
        path: the tensors of the authors' `autoencoder.jit`, saved alone.
        config: the strides, which the file's name says.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """
    tensors = {name: tensor for name, tensor in read_tensors(path).items() if not CONSTANTS.fullmatch(name)}
    ours = our_shapes(renamed(tensors, our_name, path))
    with torch.device("meta"):
        used = Cosmos(config).state_dict().keys()
    return build(
        lambda: Cosmos(config),
        {name: tensor for name, tensor in ours.items() if name in used or not RESAMPLERS.fullmatch(name)},
        path,
    )


def our_name(name: str) -> str:
    """Our name for a tensor of the authors'."""
    for pattern, new in RENAMED:
        name = re.sub(pattern, new, name)
    return name


def our_shapes(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Kernels of what sees single frames without the axis of time."""
    return {
        name: tensor.squeeze(2) if ".layer." in name and tensor.ndim == 5 else tensor
        for name, tensor in tensors.items()
    }


def _resampler(channels: int, **parts: nn.Module) -> dict[str, nn.Module]:
    """What resamples, and a convolution of single positions behind it; nothing where nothing does."""
    return {**parts, "conv3": CausalConv(channels, channels, POINT)} if parts else {}


def _middle(width: int) -> nn.Sequential:
    attention = PerFrame(pictures.AttentionBlock(width, norm=one_group))
    return nn.Sequential(
        OrderedDict(
            block_1=ResidualBlock(width, width),
            attn_1=nn.Sequential(attention, TimeAttention(width)),
            block_2=ResidualBlock(width, width),
        )
    )


class Encoder(nn.Sequential):
    """Films (B, 3, 1 + k · time stride, H, W) to (B, latent, 1 + k, h, w)."""

    def __init__(self, config: CosmosConfig) -> None:
        widths = config.widths
        levels = []
        for index, width in enumerate(widths):
            parts: dict[str, nn.Module] = {}
            if index < config.halvings_of_sides:
                parts["side"] = SideDown(width)
            if index < config.halvings_of_time:
                parts["frames"] = TimeDown(width)
            between = _resampler(width, **parts)
            resample = {"downsample": nn.Sequential(OrderedDict(between))} if between else {}
            before = config.width if index == 0 else widths[index - 1]
            levels.append(level(row(ResidualBlock, before, width, config.blocks), **resample))
        super().__init__(
            OrderedDict(
                patches=Haar(),
                conv_in=space_then_time(CHANNELS * PATCH**3, config.width),
                down=nn.Sequential(*levels),
                mid=_middle(widths[-1]),
                norm_out=PerFrame(one_group(widths[-1])),
                activation=nn.SiLU(),
                conv_out=space_then_time(widths[-1], config.latent),
            )
        )


class Decoder(nn.Sequential):
    """(B, latent, 1 + k, h, w) to films (B, 3, 1 + k · time stride, H, W)."""

    def __init__(self, config: CosmosConfig) -> None:
        widths = config.widths
        levels = OrderedDict[str, nn.Module]()
        for index, width in reversed(list(enumerate(widths))):
            parts: dict[str, nn.Module] = {}
            if index in config.doublings_of_time:
                parts["frames"] = TimeUp(width)
            if index in config.doublings_of_sides:
                parts["side"] = SideUp(width)
            between = _resampler(width, **parts)
            resample = {"upsample": nn.Sequential(OrderedDict(between))} if between else {}
            before = widths[min(index + 1, len(widths) - 1)]
            levels[str(index)] = level(row(ResidualBlock, before, width, config.blocks + 1), **resample)
        channels = CHANNELS * PATCH**3
        super().__init__(
            OrderedDict(
                conv_in=space_then_time(config.latent, widths[-1]),
                mid=_middle(widths[-1]),
                up=nn.Sequential(levels),
                norm_out=PerFrame(one_group(widths[0])),
                activation=nn.SiLU(),
                conv_out=space_then_time(widths[0], channels),
                patches=InverseHaar(),
            )
        )


class Cosmos(OneMapTokenizer):
    """Cosmos DV: films (B, 3, 1 + k · time stride, H, W) in [-1, 1] to 1 + k grids of codes, and back."""

    def __init__(self, config: CosmosConfig) -> None:
        super().__init__()
        self.strides = config.strides
        self.encoder = Encoder(config)
        self.quant_conv = CausalConv(config.latent, len(LEVELS), POINT)
        self.quantizer = create_quantizer("fsq", levels=LEVELS)
        self.post_quant_conv = CausalConv(len(LEVELS), config.latent, POINT)
        self.decoder = Decoder(config)

    @property
    def lead(self) -> tuple[int, ...]:
        """The first frame is a position of its own."""
        return 1, 0, 0

    def latent(self, films: Float[Tensor, "b c T H W"]) -> Float[Tensor, "b d t h w"]:
        """What the quantizer is given; ValueError on other channels or an extent off the grid."""
        self._require_signal(films)
        return self.quant_conv(self.encoder(films))

    def from_latent(self, quantized: Float[Tensor, "b d t h w"]) -> Float[Tensor, "b c T H W"]:
        """Films from quantized latents; not clamped."""
        return self.decoder(self.post_quant_conv(quantized))
