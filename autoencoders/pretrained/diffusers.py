"""`VQModel` folders of Hugging Face diffusers (LDM's VQ autoencoders, aMUSEd): another naming of the same network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from autoencoders.layers import group_norm
from autoencoders.pretrained.files import WeightsError, read_tensors
from autoencoders.pretrained.taming import from_taming_names
from autoencoders.vqgan import VQGAN, VQGANConfig

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model"

RENAMED = (
    (r"^(encoder|decoder)\.mid_block\.resnets\.0\.", r"\1.mid.block_1."),
    (r"^(encoder|decoder)\.mid_block\.resnets\.1\.", r"\1.mid.block_2."),
    (r"^(encoder|decoder)\.mid_block\.attentions\.0\.", r"\1.mid.attn_1."),
    (r"^encoder\.down_blocks\.(\d+)\.", r"encoder.down.\1."),
    (r"^decoder\.up_blocks\.(\d+)\.", r"decoder.up.\1."),
    (r"\.resnets\.(\d+)\.", r".block.\1."),
    (r"\.attentions\.(\d+)\.", r".attn.\1."),
    (r"\.downsamplers\.0\.", ".downsample."),
    (r"\.upsamplers\.0\.", ".upsample."),
    (r"\.conv_shortcut\.", ".nin_shortcut."),
    (r"\.group_norm\.", ".norm."),
    (r"\.(?:to_([qkv])|(q)uery|(k)ey|(v)alue)\.", r".\1\2\3\4."),
    (r"\.(?:to_out\.0|proj_attn)\.", ".proj_out."),
    (r"\.conv_norm_out\.", ".norm_out."),
)
"""Our names, which are those of taming-transformers, for diffusers' own; attention has an older and a newer naming."""

ONLY = {"_class_name": "VQModel", "norm_type": "group", "act_fn": "silu", "force_upcast": False}
"""What a configuration may say that changes the network, beside its sizes; MoVQ's spatial norm is another network."""

BLOCKS = {
    "down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
    "up_block_types": ("UpDecoderBlock2D", "AttnUpDecoderBlock2D"),
}
"""Kinds of levels, without and with attention."""


def load_diffusers(folder: Path) -> VQGAN:
    """The tokenizer in a folder of diffusers' `VQModel`, in eval mode.

    diffusers scales pictures as we do, to [-1, 1]. Its `scaling_factor` belongs to a diffusion model and is left out.

    Raises:
        WeightsError: no such folder, another network, or tensors that are not its.
    """
    said = _read_config(folder / CONFIG)
    config = vqgan_config(said, folder / CONFIG)
    paths = [folder / f"{WEIGHTS}.safetensors", folder / f"{WEIGHTS}.bin"]
    path = next((path for path in paths if path.is_file()), paths[0])
    tensors = {taming_name(name, len(config.multipliers)): tensor for name, tensor in read_tensors(path).items()}
    middle_attention = bool(said.get("mid_block_add_attention", True))
    return from_taming_names(_as_convolutions(tensors), config, path, middle_attention=middle_attention)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: not a readable configuration ({error})") from error
    if not isinstance(said, dict):
        raise WeightsError(f"{path}: not the configuration of a model")
    return said


def vqgan_config(said: Mapping[str, Any], source: Path) -> VQGANConfig:
    """Our sizes for a `VQModel`'s configuration.

    Raises:
        WeightsError: it is of another network, or a size is missing or impossible.
    """
    for name, only in ONLY.items():
        if said.get(name, only) != only:
            raise WeightsError(f"{source}: {name} is {said[name]!r}, and this reads {only!r} only")
    try:
        widths = [int(width) for width in said["block_out_channels"]]
        attention = [_has_attention(said, kind, len(widths)) for kind in BLOCKS]
        if attention[0] != attention[1][::-1] or said["in_channels"] != said["out_channels"]:
            raise WeightsError(f"{source}: encoder and decoder are not each other's mirror image")
        if any(group_norm(width).num_groups != said.get("norm_num_groups", 32) for width in widths):
            raise WeightsError(f"{source}: norms of {said.get('norm_num_groups')} groups in widths of {widths}")
        # resolutions are counted at any size that all levels divide
        size = 2 ** (len(widths) - 1)
        return VQGANConfig(
            image_size=size,
            in_channels=said["in_channels"],
            width=widths[0],
            multipliers=tuple(_multiple(width, widths[0]) for width in widths),
            blocks=said["layers_per_block"],
            attention_resolutions=tuple(size // 2**level for level, has in enumerate(attention[0]) if has),
            z_channels=said["latent_channels"],
        )
    except WeightsError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{source}: not the configuration of a VQModel ({type(error).__name__}: {error})") from error


def _has_attention(said: Mapping[str, Any], key: str, levels: int) -> list[bool]:
    plain, attention = BLOCKS[key]
    kinds = said[key]
    if len(kinds) != levels or set(kinds) - {plain, attention}:
        raise ValueError(f"{key} {kinds} for {levels} levels")
    return [kind == attention for kind in kinds]


def _multiple(width: int, first: int) -> int:
    if width % first:
        raise ValueError(f"a width of {width} is no multiple of the first, {first}")
    return width // first


def taming_name(name: str, levels: int) -> str:
    """A tensor's name in taming-transformers, whose decoder counts its levels from the finest."""
    for pattern, new in RENAMED:
        name = re.sub(pattern, new, name)
    return re.sub(r"^decoder\.up\.(\d+)\.", lambda found: f"decoder.up.{levels - 1 - int(found[1])}.", name)


def _as_convolutions(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Attention's linear layers as the 1 x 1 convolutions that they are."""
    linear = re.compile(r"\.(?:mid\.attn_1|attn\.\d+)\.(?:q|k|v|proj_out)\.weight$")
    return {
        name: tensor[..., None, None] if linear.search(name) and tensor.ndim == 2 else tensor
        for name, tensor in tensors.items()
    }
