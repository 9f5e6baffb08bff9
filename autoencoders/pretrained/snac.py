"""SNAC of hubertsiuzdak/snac, by its names: layers of DAC's, with codes at several rates.

Siuzdak et al. 2024, "SNAC: Multi-Scale Neural Audio Codec" (arXiv:2410.14411).

Of a length off the grid the authors' code has silence follow up to the next multiple, as the protocol for sound does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce
from operator import add

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.audio.convolutions import ConvTranspose1d
from autoencoders.audio.dac import ResidualUnit, Snake, convolution
from autoencoders.pretrained.dac import our_shapes
from autoencoders.pretrained.files import build, read_tensors, renamed
from autoencoders.pretrained.projected import FactorizedVQ
from autoencoders.pretrained.rotary import rotated
from autoencoders.pretrained.sizes import SNACConfig
from autoencoders.pretrained.weight_norm import merged_weights
from autoencoders.tokenizer import Tokenizer
from quantizers.base import Quantizer, QuantizerOutput
from storage.paths import StrPath

CONSTANT = re.compile(r"\.rel_pos\.inv_freq$")
"""Frequencies of the rotary embedding, which the authors' layer stores."""

RENAMED = (
    (r"^(encoder|decoder)\.(?:block|model)\.(\d+)\.", r"\1.\2."),
    (r"^(encoder|decoder)\.(\d+)\.block\.(\d+)\.", r"\1.\2.\3."),
    (r"^(encoder|decoder)\.(\d+)\.(\d+)\.block\.", r"\1.\2.\3.branch."),
    (r"\.(\d+)\.(parametrizations\.weight\.original[01]|bias)$", r".\1.conv.\2"),
    (r"^quantizer\.quantizers\.(\d+)\.(in|out)_proj\.", r"layers.\1.project_\2."),
    (r"^quantizer\.quantizers\.(\d+)\.codebook\.weight$", r"layers.\1.quantizer.codebook.vectors"),
)
"""The authors' names, and ours."""

HEAD_DIM = 64
"""Channels of a head of attention."""

SEED = 0
"""Of the noise in a decoder that does not train."""


def load_snac(path: StrPath, config: SNACConfig, codebook_size: int = 4096, codebook_dim: int = 8) -> SNAC:
    """A SNAC in eval mode.

    Args:
        path: the authors' `pytorch_model.bin`.
        config: the sizes, `config.json` beside it.
        codebook_size: vectors of each codebook.
        codebook_dim: their width.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """
    tensors = {name: tensor for name, tensor in read_tensors(path).items() if not CONSTANT.search(name)}
    tensors = our_shapes(renamed(tensors, our_name, path))
    kept = frozenset(
        f"layers.{index}.quantizer.codebook.{name}"
        for index in range(len(config.map_strides))
        for name in ("counts", "steps", "started")
    )
    return build(
        lambda: SNAC(config, codebook_size, codebook_dim),
        merged_weights(tensors, r"\.project_(?:in|out)|\.linear"),
        path,
        kept,
    )


def our_name(name: str) -> str:
    """Our name for a tensor of the authors'."""
    for pattern, new in RENAMED:
        name = re.sub(pattern, new, name)
    return name


class LocalAttention(nn.Module):
    """x + attention of each window of consecutive positions to itself: (B, channels, t) to the same, with t whole
    windows."""

    def __init__(self, channels: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.norm = nn.LayerNorm(channels)
        self.to_qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.to_out = nn.Linear(channels, channels, bias=False)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
        parts = self.to_qkv(self.norm(x.mT))
        pattern = "b (w n) (part h d) -> part b w h n d"
        q, k, v = rearrange(parts, pattern, part=3, n=self.window, d=HEAD_DIM)
        positions = torch.arange(self.window, device=x.device)
        attended = F.scaled_dot_product_attention(rotated(q, positions), rotated(k, positions), v)
        return x + self.to_out(rearrange(attended, "b w h n d -> b (w n) (h d)")).mT


class NoiseBlock(nn.Module):
    """x + noise, one draw of a normal distribution for all channels of a sample, times a linear map of x."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, channels, 1, bias=False)

    def forward(self, x: Float[Tensor, "b c T"]) -> Float[Tensor, "b c T"]:
        return x + torch.randn_like(x[:, :1]) * self.linear(x)


def _attention(config: SNACConfig, channels: int) -> list[nn.Module]:
    window = config.attention_window
    return [] if window is None else [LocalAttention(channels, window)]


class Encoder(nn.Sequential):
    """Sounds (B, 1, T) to (B, the last of the widths, T / stride)."""

    def __init__(self, config: SNACConfig) -> None:
        widths = config.widths
        levels = [
            nn.Sequential(
                *(ResidualUnit(width, dilation, groups=width) for dilation in config.dilations),
                Snake(width),
                convolution(width, widths[level + 1], 2 * stride, stride=stride),
            )
            for level, (width, stride) in enumerate(zip(widths[:-1], config.strides, strict=True))
        ]
        super().__init__(
            convolution(config.in_channels, widths[0], 7),
            *levels,
            *_attention(config, widths[-1]),
            convolution(widths[-1], widths[-1], 7, groups=widths[-1]),
        )


class Decoder(nn.Sequential):
    """(B, the last of the widths, t) to sounds (B, 1, t · stride), in [-1, 1]; it draws noise."""

    def __init__(self, config: SNACConfig) -> None:
        dim, width = config.widths[-1], config.decoder_width
        levels = []
        for stride in reversed(config.strides):
            narrower = width // 2
            levels.append(
                nn.Sequential(
                    Snake(width),
                    ConvTranspose1d(width, narrower, stride, causal=False, norm="weight"),
                    NoiseBlock(narrower),
                    *(ResidualUnit(narrower, dilation, groups=narrower) for dilation in config.dilations),
                )
            )
            width = narrower
        super().__init__(
            convolution(dim, dim, 7, groups=dim),
            convolution(dim, config.decoder_width, 1),
            *_attention(config, config.decoder_width),
            *levels,
            Snake(width),
            convolution(width, config.in_channels, 7),
            nn.Tanh(),
        )


class SNAC(Tokenizer):
    """The tokenizer: each map codes what the coarser ones left over, the mean of the positions that a code stands for.

    The authors' decoder draws other noise for every sound; here, unless in training, what their code draws after
    `torch.manual_seed(0)`, so that equal codes are equal sounds.
    """

    def __init__(self, config: SNACConfig, codebook_size: int, codebook_dim: int) -> None:
        super().__init__()
        self.config = config
        self.maps = tuple(f"stride-{stride}" for stride in config.map_strides)  # type: ignore[misc]
        self.strides = (config.grid,)
        options = {"dim": config.widths[-1], "codebook_size": codebook_size, "codebook_dim": codebook_dim}
        self.encoder = Encoder(config)
        self.layers = nn.ModuleList(FactorizedVQ(**options) for _ in config.map_strides)
        self.decoder = Decoder(config)

    @property
    def channels(self) -> int:
        """Of a sound."""
        return self.config.in_channels

    @property
    def quantizers(self) -> tuple[Quantizer, ...]:
        """One for each map, coarsest first."""
        return tuple(self.layers)  # type: ignore[arg-type]

    def quantize(self, signal: Float[Tensor, "b c T"]) -> list[QuantizerOutput]:
        """The outputs for each map, coarsest first: (B, channels, t / its stride)."""
        self._require_signal(signal)
        left, outputs = self.encoder(signal), []
        for quantizer, stride in zip(self.layers, self.config.map_strides, strict=True):
            outputs.append(quantizer(F.avg_pool1d(left, stride)))
            left = left - outputs[-1].quantized.repeat_interleave(stride, -1)
        return outputs

    def reconstruct(self, quantized: Sequence[Float[Tensor, "b d ..."]]) -> Float[Tensor, "b c T"]:
        """The sound from the quantized latents of all maps, in [-1, 1]."""
        maps = zip(quantized, self.config.map_strides, strict=True)
        latents = reduce(add, (of.repeat_interleave(stride, -1) for of, stride in maps))
        if self.training:
            return self.decoder(latents)
        with torch.random.fork_rng([latents.device] if latents.is_cuda else []):
            torch.manual_seed(SEED)
            return self.decoder(latents)
