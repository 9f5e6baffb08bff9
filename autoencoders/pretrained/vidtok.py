"""Causal VidTok tokenizers of microsoft/VidTok with finite scalar quantization, by its names, which diffusers has too.

Tang et al. 2024, "VidTok: A Versatile and Open-Source Video Tokenizer" (arXiv:2412.13061); the network is the backbone
`autoencoders.video.vidtok`.

Of a number of frames off the grid the authors' code of version 1.1 repeats the first frame more often; diffusers and
`autoencoders.extents` have the last go on, and are equal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from autoencoders.pretrained.files import build, read_tensors, renamed
from autoencoders.pretrained.taming import OF_TRAINING
from autoencoders.video.sizes import VidTokConfig
from autoencoders.video.vidtok import VidTok
from quantizers import create_quantizer
from storage.paths import StrPath

LEVELS = 8
"""Of each channel of a latent."""

RENAMED = (
    (r"\.norm\.(weight|bias)$", r".\1"),
    (r"\.attn_1\.(\w+)\.(?:conv\.)?", r".attn_1.layer.\1."),
    (r"\.(down|up)\.(\d+)\.block\.(\d+)\.", r".\1.\2.block.\3.space.layer."),
    (r"\.(down|up)_temporal\.(\d+)\.block\.(\d+)\.", r".\1.\2.block.\3.time."),
    (r"\.(down|up)\.(\d+)\.(down|up)sample\.", r".\1.\2.side.layer."),
    (r"\.(down|up)_temporal\.(\d+)\.(down|up)sample\.", r".\1.\2.frames."),
    (r"\.(block_\d|time)\.norm1\.", r".\1.branch.0."),
    (r"\.(block_\d|time)\.conv1\.", r".\1.branch.2."),
    (r"\.(block_\d|time)\.norm2\.", r".\1.branch.3."),
    (r"\.(block_\d|time)\.conv2\.", r".\1.branch.5."),
)
"""The authors' names, and ours."""


def load_vidtok(path: StrPath, config: VidTokConfig, dims: int) -> VidTok:
    """A VidTok in eval mode. Files of both versions have the same names and shapes: which one it is must be known.

    Args:
        path: the authors' checkpoint, or diffusers' `diffusion_pytorch_model.safetensors`.
        config: the sizes: `encoder_config` of the YAML file of the checkpoint's name.
        dims: channels of a latent, of 8 levels each.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """
    tensors = {name: tensor for name, tensor in read_tensors(path).items() if not name.startswith(OF_TRAINING)}
    return build(lambda: published(config, dims), our_shapes(renamed(tensors, our_name, path)), path)


def published(config: VidTokConfig, dims: int) -> VidTok:
    """A VidTok around the quantizer that all published ones with codes have."""
    return VidTok(config, create_quantizer("fsq", levels=(LEVELS,) * dims))


def our_name(name: str) -> str:
    """Our name for a tensor of the authors'."""
    for pattern, new in RENAMED:
        name = re.sub(pattern, new, name)
    return name


def our_shapes(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Kernels over time alone with sides of one pixel, and attention's kernels of one frame without that axis."""
    found = {}
    for name, tensor in tensors.items():
        if ".time." in name and tensor.ndim == 3:
            tensor = tensor[..., None, None]
        elif ".attn_1." in name and tensor.ndim == 5:
            tensor = tensor.squeeze(2)
        found[name] = tensor
    return found
