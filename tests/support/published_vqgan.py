"""The VQGAN as its authors' code runs it, on tensors by the authors' names: what our loaders are compared with.

Written down from CompVis/taming-transformers (taming/modules/diffusionmodules/model.py), FoundationVision/LlamaGen
(tokenizer/tokenizer_image/vq_model.py) and FoundationVision/VAR (models/basic_vae.py), which have one network and three
namings. It shares nothing with our own modules.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Naming:
    """How a code base calls the parts."""

    down: str = "down"
    up: str = "up"
    coarsest_first: bool = False  # of the decoder's levels
    block: str = "block"
    middle: tuple[str, str, str] = ("mid.block_1", "mid.attn_1", "mid.block_2")
    stacked: bool = False  # query, key and value as one convolution


TAMING = Naming()
LLAMAGEN = Naming("conv_blocks", "conv_blocks", True, "res", ("mid.0", "mid.1", "mid.2"))
VAR = Naming(stacked=True)


@dataclass(frozen=True)
class Network:
    """Widths by level, finest first; which levels have attention; channels of the latent."""

    widths: tuple[int, ...]
    attention: tuple[bool, ...]
    z_channels: int
    naming: Naming = TAMING
    middle_attention: bool = True
    channels: int = 3
    blocks: int = 2

    def up_name(self, level: int) -> str:
        position = len(self.widths) - 1 - level if self.naming.coarsest_first else level
        return f"decoder.{self.naming.up}.{position}"

    def shapes(self) -> Shapes:
        """Of every tensor of encoder and decoder."""
        return {**self._encoder_shapes(), **self._decoder_shapes()}

    def _encoder_shapes(self) -> Shapes:
        first, last = self.widths[0], self.widths[-1]
        shapes = conv("encoder.conv_in", first, self.channels, 3)
        before = first
        for level, width in enumerate(self.widths):
            name = f"encoder.{self.naming.down}.{level}"
            shapes |= self._level_shapes(name, before, width, self.blocks, self.attention[level])
            if level < len(self.widths) - 1:
                shapes |= conv(f"{name}.downsample.conv", width, width, 3)
            before = width
        return shapes | self._middle_shapes("encoder") | ends("encoder", last, self.z_channels)

    def _decoder_shapes(self) -> Shapes:
        before = self.widths[-1]
        shapes = conv("decoder.conv_in", before, self.z_channels, 3) | self._middle_shapes("decoder")
        for level in reversed(range(len(self.widths))):
            name, width = self.up_name(level), self.widths[level]
            shapes |= self._level_shapes(name, before, width, self.blocks + 1, self.attention[level])
            if level:
                shapes |= conv(f"{name}.upsample.conv", width, width, 3)
            before = width
        return shapes | ends("decoder", before, self.channels)

    def _level_shapes(self, name: str, before: int, width: int, blocks: int, attention: bool) -> Shapes:
        shapes: Shapes = {}
        for index in range(blocks):
            shapes |= residual(f"{name}.{self.naming.block}.{index}", before if index == 0 else width, width)
            if attention:
                shapes |= self._attention_shapes(f"{name}.attn.{index}", width)
        return shapes

    def _middle_shapes(self, part: str) -> Shapes:
        width = self.widths[-1]
        first, attention, second = (f"{part}.{name}" for name in self.naming.middle)
        shapes = residual(first, width, width) | residual(second, width, width)
        return shapes | self._attention_shapes(attention, width) if self.middle_attention else shapes

    def _attention_shapes(self, name: str, width: int) -> Shapes:
        shapes = norm(f"{name}.norm", width) | conv(f"{name}.proj_out", width, width, 1)
        if self.naming.stacked:
            return shapes | conv(f"{name}.qkv", 3 * width, width, 1)
        return shapes | {key: shape for part in "qkv" for key, shape in conv(f"{name}.{part}", width, width, 1).items()}

    def encode(self, pictures: Tensor, tensors: dict[str, Tensor]) -> Tensor:
        """Pictures to features with z_channels."""
        h = convolve(pictures, tensors, "encoder.conv_in", padding=1)
        for level in range(len(self.widths)):
            name = f"encoder.{self.naming.down}.{level}"
            h = self._run_level(h, tensors, name, self.blocks, self.attention[level])
            if level < len(self.widths) - 1:
                h = convolve(F.pad(h, (0, 1, 0, 1)), tensors, f"{name}.downsample.conv", stride=2)
        h = swish(normalise(self._run_middle(h, tensors, "encoder"), tensors, "encoder.norm_out"))
        return convolve(h, tensors, "encoder.conv_out", padding=1)

    def decode(self, features: Tensor, tensors: dict[str, Tensor]) -> Tensor:
        """Features with z_channels to pictures."""
        h = self._run_middle(convolve(features, tensors, "decoder.conv_in", padding=1), tensors, "decoder")
        for level in reversed(range(len(self.widths))):
            name = self.up_name(level)
            h = self._run_level(h, tensors, name, self.blocks + 1, self.attention[level])
            if level:
                doubled = h.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
                h = convolve(doubled, tensors, f"{name}.upsample.conv", padding=1)
        h = swish(normalise(h, tensors, "decoder.norm_out"))
        return convolve(h, tensors, "decoder.conv_out", padding=1)

    def _run_level(self, h: Tensor, tensors: dict[str, Tensor], name: str, blocks: int, attention: bool) -> Tensor:
        for index in range(blocks):
            h = run_residual(h, tensors, f"{name}.{self.naming.block}.{index}")
            if attention:
                h = self._run_attention(h, tensors, f"{name}.attn.{index}")
        return h

    def _run_middle(self, h: Tensor, tensors: dict[str, Tensor], part: str) -> Tensor:
        first, attention, second = (f"{part}.{name}" for name in self.naming.middle)
        h = run_residual(h, tensors, first)
        if self.middle_attention:
            h = self._run_attention(h, tensors, attention)
        return run_residual(h, tensors, second)

    def _run_attention(self, x: Tensor, tensors: dict[str, Tensor], name: str) -> Tensor:
        normed = normalise(x, tensors, f"{name}.norm")
        batch, channels, height, width = x.shape
        if self.naming.stacked:
            stacked = convolve(normed, tensors, f"{name}.qkv").reshape(batch, 3, channels, height * width)
            q, k, v = stacked[:, 0], stacked[:, 1], stacked[:, 2]
        else:
            q, k, v = (convolve(normed, tensors, f"{name}.{part}").flatten(2) for part in "qkv")
        weights = torch.softmax(torch.bmm(q.transpose(1, 2), k) / channels**0.5, dim=2)
        attended = torch.bmm(v, weights.transpose(1, 2)).reshape(x.shape)
        return x + convolve(attended, tensors, f"{name}.proj_out")


def conv(name: str, out: int, into: int, side: int) -> Shapes:
    return {f"{name}.weight": (out, into, side, side), f"{name}.bias": (out,)}


def norm(name: str, channels: int) -> Shapes:
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def residual(name: str, before: int, width: int) -> Shapes:
    shapes = norm(f"{name}.norm1", before) | conv(f"{name}.conv1", width, before, 3)
    shapes |= norm(f"{name}.norm2", width) | conv(f"{name}.conv2", width, width, 3)
    return shapes if before == width else shapes | conv(f"{name}.nin_shortcut", width, before, 1)


def ends(part: str, width: int, out: int) -> Shapes:
    return norm(f"{part}.norm_out", width) | conv(f"{part}.conv_out", out, width, 3)


def convolve(x: Tensor, tensors: dict[str, Tensor], name: str, *, stride: int = 1, padding: int = 0) -> Tensor:
    return F.conv2d(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"], stride, padding)


def normalise(x: Tensor, tensors: dict[str, Tensor], name: str) -> Tensor:
    groups = x.reshape(x.shape[0], 32, -1)
    groups = (groups - groups.mean(2, keepdim=True)) / (groups.var(2, keepdim=True, correction=0) + 1e-6).sqrt()
    scale, shift = (tensors[f"{name}.{part}"][:, None, None] for part in ("weight", "bias"))
    return groups.reshape(x.shape) * scale + shift


def swish(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def run_residual(x: Tensor, tensors: dict[str, Tensor], name: str) -> Tensor:
    h = convolve(swish(normalise(x, tensors, f"{name}.norm1")), tensors, f"{name}.conv1", padding=1)
    h = convolve(swish(normalise(h, tensors, f"{name}.norm2")), tensors, f"{name}.conv2", padding=1)
    shortcut = convolve(x, tensors, f"{name}.nin_shortcut") if f"{name}.nin_shortcut.weight" in tensors else x
    return shortcut + h


def random_tensors(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    """Weights that keep the signal's size; nothing is zero or one, so that nothing left out goes unseen."""
    generator = torch.Generator().manual_seed(seed)

    def draw(name: str, shape: tuple[int, ...]) -> Tensor:
        values = torch.randn(shape, generator=generator)
        if len(shape) == 4:
            return values / (values[0].numel() ** 0.5)
        if len(shape) == 1:
            return 0.2 * values + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
        return values

    return {name: draw(name, shape) for name, shape in shapes.items()}


def double(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.double() for name, tensor in tensors.items()}
