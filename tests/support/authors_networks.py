"""Networks of others' tokenizers, written down as functions of their tensors: what the loaded models are compared with.

A network is a dict of names and shapes, and functions that apply the layers by these names. Nothing here uses ours.
"""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


def conv(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    weight = tensors[f"{name}.weight"]
    return F.conv2d(x, weight, tensors.get(f"{name}.bias"), padding=weight.shape[-1] // 2)


def swish_norm(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    normed = F.group_norm(x, 32, tensors[f"{name}.weight"], tensors[f"{name}.bias"], eps=1e-6)
    return normed * torch.sigmoid(normed)


def branch(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    """What a residual block adds."""
    for index in "12":
        x = conv(tensors, f"{name}.conv{index}", swish_norm(tensors, f"{name}.norm{index}", x))
    return x


def block(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    shortcut = f"{name}.nin_shortcut"
    return branch(tensors, name, x) + (conv(tensors, shortcut, x) if f"{shortcut}.weight" in tensors else x)


def nearest(latents: Tensor, codebook: Tensor) -> Tensor:
    """Codes (B, H, W) by the smallest Euclidean distance."""
    rows = latents.movedim(1, -1)
    return (rows.unsqueeze(-2) - codebook).square().sum(-1).argmin(-1)


def vectors(codes: Tensor, codebook: Tensor) -> Tensor:
    """Their vectors, (B, C, H, W)."""
    return codebook[codes].movedim(-1, 1)


def load_published(
    published: Pretrained, module: ModuleType, shapes: Shapes, monkeypatch: pytest.MonkeyPatch
) -> nn.Module:
    """A published model at its true size, of tensors that take no memory: names and shapes are checked, no value."""
    tensors = {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}
    monkeypatch.setattr(module, "read_tensors", lambda path: tensors)
    monkeypatch.setattr(nn.Module, "load_state_dict", lambda self, state: None)
    with torch.device("meta"):
        return published.load(Path("published.ckpt"))
