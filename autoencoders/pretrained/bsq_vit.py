"""BSQ-ViT of zhaoyue-zephyrus/bsq-vit: the network of `autoencoders.pictures.vit` without the head of its encoder."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

from autoencoders.pictures.sizes import ViTConfig
from autoencoders.pictures.vit import ViTTokenizer
from autoencoders.pretrained.files import CONTAINERS, WeightsError, build, read_tensors
from quantizers import create_quantizer
from storage.paths import StrPath

PARTS = ("ema_state_dict", *CONTAINERS)
"""Where a checkpoint has its tensors; the averaged ones first, as the authors' own loader takes them."""

RENAMED = (
    (r"^encoder\.conv1\.", "encoder.patches.project."),
    (r"^(encoder|decoder)\.positional_embedding$", r"\1.positions.table"),
    (r"^(encoder|decoder)\.(ln_pre|ln_post)\.", r"\1.transformer.\2."),
    (r"\.attn\.in_proj_", ".attn.in_proj."),
    (r"^decoder\.ffn\.0\.", "decoder.head.layers.0."),
    (r"^decoder\.conv_out\.", "decoder.head.layers.2."),
    (r"^quant_embed\.", "quant_proj."),
    (r"^post_quant_embed\.", "post_quant_proj."),
)
"""The authors' names, and ours."""

CONSTANTS = frozenset({"quantize.basis", "quantize.group_basis"})
"""Powers of two that the authors' quantizer stores."""


def load_bsq_vit(path: StrPath, bits: int, config: ViTConfig | None = None) -> ViTTokenizer:
    """A BSQ-ViT in eval mode.

    Bit i of our codes is the sign of channel i; the authors count from the last channel. Their forward pass clamps
    pictures to [-1, 1], which is left to the caller here.

    Args:
        path: a checkpoint of the authors' code, or one state dict of it as safetensors.
        bits: channels of the latent.
        config: the sizes, by default the published ones.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """
    sizes = config or ViTConfig()

    def make() -> ViTTokenizer:
        model = ViTTokenizer(sizes, create_quantizer("bsq", bits=bits))
        model.encoder.head = nn.Identity()
        return model

    return build(make, our_names(read_tensors(path, inside=PARTS), sizes.side, path), path)


def our_names(tensors: Mapping[str, Tensor], side: int, source: StrPath) -> dict[str, Tensor]:
    """The tensors by our names, positions as a grid of side × side. WeightsError where there are not so many."""
    renamed = {}
    for theirs, tensor in tensors.items():
        if theirs in CONSTANTS:
            continue
        name = theirs
        for pattern, ours in RENAMED:
            name = re.sub(pattern, ours, name)
        if name.endswith("positions.table"):
            if tensor.shape[0] != side**2:
                raise WeightsError(f"{source}: {theirs} has {tensor.shape[0]} places, and this model {side} × {side}")
            tensor = tensor.unflatten(0, (side, side))
        renamed[name] = tensor
    return renamed
