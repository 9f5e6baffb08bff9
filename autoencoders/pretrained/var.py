"""The multi-scale tokenizer of FoundationVision/VAR: nearly taming-transformers' names, around another quantizer."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

from autoencoders.pictures.sizes import VQGANConfig
from autoencoders.pictures.vqgan import VQGAN
from autoencoders.pretrained.files import build, read_tensors, renamed
from autoencoders.pretrained.taming import KEPT
from quantizers import create_quantizer
from quantizers.multi_scale import PAPER_SCALES
from storage.paths import StrPath

UNUSED = "quantize.ema_vocab_hit_SV"
"""How often the training used each code at each scale."""

RENAMED = (
    (r"^quantize\.embedding\.weight$", "quantizer.codebook.vectors"),
    (r"^quantize\.quant_resi\.qresi_ls\.(\d+)\.", r"quantizer.phis.\1.convolution."),
)


def load_var(
    path: StrPath, config: VQGANConfig, scales: tuple[int, ...] = PAPER_SCALES, codebook_size: int = 4096
) -> VQGAN:
    """The tokenizer from VAR's `vae_ch160v4096z32.pth`, in eval mode; the quantizer's channels are z_channels.

    Its codes are those of all scales, each map repeated to the size of the last; `quantizer.code_maps` gives the maps
    at their own sizes, as VAR predicts them.

    Args:
        path: the file.
        config: the sizes.
        scales: sides of the code maps; the last is that of the grid.
        codebook_size: number of codes, which all scales share.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """
    tensors = read_tensors(path)
    tensors.pop(UNUSED, None)
    channels = config.z_channels

    def make() -> VQGAN:
        quantizer = create_quantizer("multi-scale", dim=channels, codebook_size=codebook_size, scales=scales)
        model = VQGAN(config, quantizer)
        model.quant_conv = nn.Conv2d(channels, channels, 3, padding=1)
        model.post_quant_conv = nn.Conv2d(channels, channels, 3, padding=1)
        return model

    return build(make, renamed(_attention_in_three(tensors), our_name, path), path, KEPT)


def our_name(name: str) -> str:
    """Our name for a tensor of VAR's."""
    for pattern, new in RENAMED:
        name = re.sub(pattern, new, name)
    return name


def _attention_in_three(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """VAR stacks the convolutions to query, key and value."""
    apart: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        stem, found, rest = name.rpartition(".qkv.")
        if found and tensor.ndim and not tensor.shape[0] % 3:
            apart.update(zip((f"{stem}.{part}.{rest}" for part in "qkv"), tensor.chunk(3), strict=True))
        else:
            apart[name] = tensor
    return apart
