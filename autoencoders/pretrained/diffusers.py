"""`VQModel` folders of Hugging Face diffusers (LDM's VQ autoencoders, aMUSEd): another naming of the same network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from autoencoders.pictures.layers import group_norm
from autoencoders.pictures.sizes import VQGANConfig
from autoencoders.pictures.vqgan import VQGAN
from autoencoders.pretrained.files import WeightsError, read_tensors, renamed
from autoencoders.pretrained.model import Codebook
from autoencoders.pretrained.taming import from_taming_names
from storage.paths import StrPath

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

ONLY = {"_class_name": "VQModel", "norm_type": "group", "act_fn": "silu"}
"""What a configuration may say that changes the network, beside its sizes; MoVQ's spatial norm is another network."""

BLOCKS = {
    "down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
    "up_block_types": ("UpDecoderBlock2D", "AttnUpDecoderBlock2D"),
}
"""Kinds of levels, without and with attention."""


LONGEST = 2**20
"""Bytes of a configuration at most."""

MOST = {"levels": 12, "layers_per_block": 64, "a width": 2**16, "latent_channels": 2**16, "in_channels": 2**10}
"""Beyond these it is no configuration of a tokenizer, and could take any memory."""


def load_diffusers(folder: StrPath, expected: VQGANConfig | None = None, codebook: Codebook | None = None) -> VQGAN:
    """The tokenizer in a folder of diffusers' `VQModel`, in eval mode.

    diffusers scales pictures as we do, to [-1, 1]. Its `scaling_factor` belongs to a diffusion model and is left out,
    `force_upcast` to half precision.

    Args:
        folder: with config.json and diffusion_pytorch_model.safetensors, or .bin.
        expected: the sizes that it must have; any unless given.
        codebook: what its quantizer must be; as it is stored unless given.

    Raises:
        WeightsError: no such folder, another network, or tensors that are not its.
    """
    folder = Path(folder)
    said = _read_config(folder / CONFIG)
    config = vqgan_config(said, folder / CONFIG)
    if expected is not None and config != expected:
        raise WeightsError(f"{folder / CONFIG}: another network than this model's: {config}, expected {expected}")
    paths = [folder / f"{WEIGHTS}.safetensors", folder / f"{WEIGHTS}.bin"]
    path = next((path for path in paths if path.is_file()), paths[0])
    tensors = renamed(read_tensors(path), lambda name: taming_name(name, len(config.multipliers)), path)
    middle_attention = bool(said.get("mid_block_add_attention", True))
    return from_taming_names(_as_convolutions(tensors), config, path, codebook, middle_attention=middle_attention)


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise WeightsError(f"{path}: not a readable configuration (there is no such file)")
    try:
        if path.stat().st_size > LONGEST:
            raise ValueError(f"longer than {LONGEST} bytes")
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: not a readable configuration ({error})") from error
    if not isinstance(said, dict):
        raise WeightsError(f"{path}: not the configuration of a model")
    return said


def vqgan_config(said: Mapping[str, Any], source: StrPath) -> VQGANConfig:
    """Our sizes for a `VQModel`'s configuration.

    Raises:
        WeightsError: it is of another network, or a size is missing or impossible.
    """
    for name, only in ONLY.items():
        if said.get(name, only) != only:
            raise WeightsError(f"{source}: {name} is {said[name]!r:.100}, and this reads {only!r} only")
    try:
        widths = [_size(width, "a width") for width in said["block_out_channels"][: MOST["levels"] + 1]]
        attention = [_has_attention(said, kind, _size(len(widths), "levels")) for kind in BLOCKS]
        if attention[0] != attention[1][::-1] or said["in_channels"] != said["out_channels"]:
            raise WeightsError(f"{source}: encoder and decoder are not each other's mirror image")
        if any(group_norm(width).num_groups != said.get("norm_num_groups", 32) for width in widths):
            raise WeightsError(f"{source}: norms of {said.get('norm_num_groups')!r:.100} groups in widths of {widths}")
        return sizes(
            widths,
            attention[0],
            _size(said["latent_channels"], "latent_channels"),
            blocks=_size(said["layers_per_block"], "layers_per_block"),
            in_channels=_size(said["in_channels"], "in_channels"),
        )
    except WeightsError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{source}: not the configuration of a VQModel ({type(error).__name__}: {error})") from error


def sizes(
    widths: Sequence[int], attention: Sequence[bool], z_channels: int, *, blocks: int = 2, in_channels: int = 3
) -> VQGANConfig:
    """Our sizes for widths and attention by level, finest first; ValueError where a width is no multiple."""
    # resolutions are counted at any size that all levels divide
    size = 2 ** (len(widths) - 1)
    return VQGANConfig(
        image_size=size,
        in_channels=in_channels,
        width=widths[0],
        multipliers=tuple(_multiple(width, widths[0]) for width in widths),
        blocks=blocks,
        attention_resolutions=tuple(size // 2**level for level, has in enumerate(attention) if has),
        z_channels=z_channels,
    )


def _size(value: object, name: str) -> int:
    if not isinstance(value, int) or not 1 <= value <= MOST[name]:
        raise ValueError(f"{name} of {value!r:.100}, expected 1 to {MOST[name]}")
    return value


def _has_attention(said: Mapping[str, Any], key: str, levels: int) -> list[bool]:
    plain, attention = BLOCKS[key]
    kinds = said[key]
    if len(kinds) != levels or set(kinds) - {plain, attention}:
        raise ValueError(f"{key} {kinds!s:.200} for {levels} levels")
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
