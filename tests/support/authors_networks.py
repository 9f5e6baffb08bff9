"""Networks of others' tokenizers, written down as functions of their tensors: what the loaded models are compared with.

A network is a dict of names and shapes, and functions that apply the layers by these names. Nothing here uses ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autoencoders.pretrained import files
from autoencoders.pretrained.model import Pretrained

Shapes = dict[str, tuple[int, ...]]
Tensors = Mapping[str, Tensor]


def conv_shapes(name: str, before: int, after: int, side: int = 3, bias: bool = True) -> Shapes:
    return {f"{name}.weight": (after, before, side, side)} | ({f"{name}.bias": (after,)} if bias else {})


def norm_shapes(name: str, channels: int) -> Shapes:
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def block_shapes(name: str, before: int, after: int, bias: bool = True) -> Shapes:
    """Of a residual block: norm, convolution, norm, convolution, and a 1 x 1 shortcut where the width changes."""
    shapes = norm_shapes(f"{name}.norm1", before) | conv_shapes(f"{name}.conv1", before, after, bias=bias)
    shapes |= norm_shapes(f"{name}.norm2", after) | conv_shapes(f"{name}.conv2", after, after, bias=bias)
    return shapes | (conv_shapes(f"{name}.nin_shortcut", before, after, 1, bias) if before != after else {})


def attention_shapes(name: str, channels: int) -> Shapes:
    shapes = norm_shapes(f"{name}.norm", channels)
    for part in ("q", "k", "v", "proj_out"):
        shapes |= conv_shapes(f"{name}.{part}", channels, channels, 1)
    return shapes


def random_tensors(shapes: Shapes) -> dict[str, Tensor]:
    """Every kind of tensor at a size at which a mistake shows, in float64 but such that float32 holds it."""

    def draw(name: str, shape: tuple[int, ...]) -> Tensor:
        values = torch.randn(shape)
        if len(shape) > 1:
            return values / values[0].numel() ** 0.5
        return 0.2 * values + (1 if name.endswith(".weight") else 0)

    return {name: draw(name, shape).double() for name, shape in shapes.items()}


def codes_near(latents: Tensor, size: int) -> Tensor:
    """A codebook among the latents (B, C, H, W), so that many of its codes are used; float32 holds it as well."""
    rows = latents.movedim(1, -1).flatten(0, 2)
    chosen = rows[torch.randint(len(rows), (size,))]
    return (chosen + 0.3 * rows.std() * torch.randn_like(chosen)).float().double()


def save(tensors: Tensors, path: Path) -> Path:
    """As the authors have it: float32, with `torch.save`."""
    torch.save({name: tensor.float() for name, tensor in tensors.items()}, path)
    return path


def with_averages(tensors: Tensors) -> dict[str, Tensor]:
    """As SEED-Voken's checkpoints: these as the moving averages of other weights, and the rest of the training."""
    discriminator = {
        "loss.discriminator.main.0.weight": torch.ones(2),
        "loss.perceptual_loss.lin0.weight": torch.ones(2),
    }
    averages = {f"model_ema.{name.replace('.', '')}": tensor for name, tensor in tensors.items()}
    counters = {"model_ema.decay": torch.tensor(0.999), "model_ema.num_updates": torch.tensor(-1)}
    of_discriminator = {"model_ema.lossdiscriminatormain0weight": torch.ones(2)}
    weights = {name: torch.randn_like(tensor) for name, tensor in tensors.items()}
    return weights | discriminator | counters | averages | of_discriminator


def conv(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    weight = tensors[f"{name}.weight"]
    return F.conv2d(x, weight, tensors.get(f"{name}.bias"), padding=weight.shape[-1] // 2)


def norm(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    return F.group_norm(x, 32, tensors[f"{name}.weight"], tensors[f"{name}.bias"], eps=1e-6)


def swish_norm(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    normed = norm(tensors, name, x)
    return normed * torch.sigmoid(normed)


def branch(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    """What a residual block adds."""
    for index in "12":
        x = conv(tensors, f"{name}.conv{index}", swish_norm(tensors, f"{name}.norm{index}", x))
    return x


def block(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    shortcut = f"{name}.nin_shortcut"
    return branch(tensors, name, x) + (conv(tensors, shortcut, x) if f"{shortcut}.weight" in tensors else x)


def attention(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    normed = norm(tensors, f"{name}.norm", x)
    q, k, v = (conv(tensors, f"{name}.{part}", normed).flatten(2) for part in "qkv")
    weights = torch.softmax(torch.einsum("bci,bcj->bij", q, k) / x.shape[1] ** 0.5, 2)
    attended = torch.einsum("bij,bcj->bci", weights, v).view_as(x)
    return x + conv(tensors, f"{name}.proj_out", attended)


def doubled(x: Tensor) -> Tensor:
    """Twice the sides, each pixel four times."""
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def nearest(latents: Tensor, codebook: Tensor) -> Tensor:
    """Codes (B, H, W) by the smallest Euclidean distance."""
    rows = latents.movedim(1, -1)
    return (rows.unsqueeze(-2) - codebook).square().sum(-1).argmin(-1)


def vectors(codes: Tensor, codebook: Tensor) -> Tensor:
    """Their vectors, (B, C, H, W)."""
    return codebook[codes].movedim(-1, 1)


@dataclass(frozen=True)
class Taming:
    """The VQGAN of taming-transformers (taming/modules/diffusionmodules/model.py), which others took over."""

    width: int
    multipliers: tuple[int, ...]
    blocks: int
    attention: tuple[int, ...]
    """Levels with attention after each block, the finest is 0."""
    z_channels: int
    dim: int

    def shapes(self) -> Shapes:
        widths = [self.width * multiplier for multiplier in self.multipliers]
        last, coarsest = len(widths) - 1, widths[-1]
        shapes = conv_shapes("encoder.conv_in", 3, self.width) | conv_shapes(
            "decoder.conv_in", self.z_channels, coarsest
        )
        for level, after in enumerate(widths):
            finer, coarser = (self.width, *widths)[level], widths[min(level + 1, last)]
            for part, before, count in (("encoder.down", finer, 0), ("decoder.up", coarser, 1)):
                for index in range(self.blocks + count):
                    shapes |= block_shapes(f"{part}.{level}.block.{index}", after if index else before, after)
                    if level in self.attention:
                        shapes |= attention_shapes(f"{part}.{level}.attn.{index}", after)
            if level < last:
                shapes |= conv_shapes(f"encoder.down.{level}.downsample.conv", after, after)
            if level > 0:
                shapes |= conv_shapes(f"decoder.up.{level}.upsample.conv", after, after)
        for part, final, channels in (("encoder", coarsest, self.z_channels), ("decoder", widths[0], 3)):
            for index in "12":
                shapes |= block_shapes(f"{part}.mid.block_{index}", coarsest, coarsest)
            shapes |= attention_shapes(f"{part}.mid.attn_1", coarsest)
            shapes |= norm_shapes(f"{part}.norm_out", final) | conv_shapes(f"{part}.conv_out", final, channels)
        shapes |= conv_shapes("quant_conv", self.z_channels, self.dim, 1)
        return shapes | conv_shapes("post_quant_conv", self.dim, self.z_channels, 1)

    def encode(self, tensors: Tensors, images: Tensor) -> Tensor:
        h = conv(tensors, "encoder.conv_in", images)
        for level in range(len(self.multipliers)):
            h = self._level(tensors, f"encoder.down.{level}", level, self.blocks, h)
            if level < len(self.multipliers) - 1:
                name = f"encoder.down.{level}.downsample.conv"
                h = F.conv2d(F.pad(h, (0, 1, 0, 1)), tensors[f"{name}.weight"], tensors[f"{name}.bias"], stride=2)
        h = self._middle(tensors, "encoder.mid", h)
        h = conv(tensors, "encoder.conv_out", swish_norm(tensors, "encoder.norm_out", h))
        return conv(tensors, "quant_conv", h)

    def decode(self, tensors: Tensors, quantized: Tensor) -> Tensor:
        h = conv(tensors, "decoder.conv_in", conv(tensors, "post_quant_conv", quantized))
        h = self._middle(tensors, "decoder.mid", h)
        for level in reversed(range(len(self.multipliers))):
            h = self._level(tensors, f"decoder.up.{level}", level, self.blocks + 1, h)
            if level:
                h = conv(tensors, f"decoder.up.{level}.upsample.conv", doubled(h))
        return conv(tensors, "decoder.conv_out", swish_norm(tensors, "decoder.norm_out", h))

    def _level(self, tensors: Tensors, name: str, level: int, blocks: int, h: Tensor) -> Tensor:
        for index in range(blocks):
            h = block(tensors, f"{name}.block.{index}", h)
            if level in self.attention:
                h = attention(tensors, f"{name}.attn.{index}", h)
        return h

    def _middle(self, tensors: Tensors, name: str, h: Tensor) -> Tensor:
        h = attention(tensors, f"{name}.attn_1", block(tensors, f"{name}.block_1", h))
        return block(tensors, f"{name}.block_2", h)


def load_published(
    published: Pretrained, module: ModuleType, shapes: Shapes, monkeypatch: pytest.MonkeyPatch
) -> nn.Module:
    """A published model at its true size, of tensors that take no memory: names and shapes are checked, no value."""
    tensors = {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}
    monkeypatch.setattr(module, "read_tensors", lambda path: tensors)
    monkeypatch.setattr(files, "fill", lambda *arguments: None)  # only after names and shapes are found to match
    with torch.device("meta"):
        return published.load(Path("published.ckpt"))
