"""The Descript Audio Codec of descriptinc/descript-audio-codec, by its names and by those of Hugging Face transformers.

Kumar et al. 2023, "High-Fidelity Audio Compression with Improved RVQGAN" (arXiv:2306.06546). The network is that of
`autoencoders.audio.dac`. It codes with all its codebooks; of fewer is `quantizer.truncated(n)`.

Of a length off the stride's grid the authors' code has silence follow up to the next multiple, as the protocol for
sound does. transformers' `DacModel` does not: its last position is of a sound cut off, or is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from autoencoders.audio.convolutions import ConvTranspose1d
from autoencoders.audio.dac import DAC, Decoder
from autoencoders.audio.sizes import DACConfig
from autoencoders.pretrained.files import build, read_tensors, renamed
from autoencoders.pretrained.weight_norm import OLDER, merged_weights, split_weights
from quantizers import create_quantizer
from storage.paths import StrPath

IN_LEVEL = {
    "encoder": {"res_unit1": 0, "res_unit2": 1, "res_unit3": 2, "snake1": 3, "conv1": 4},
    "decoder": {"snake1": 0, "conv_t1": 1, "res_unit1": 2, "res_unit2": 3, "res_unit3": 4},
}
"""The layers of a level in their order, by transformers' names."""

IN_UNIT = {"snake1": 0, "conv1": 1, "snake2": 2, "conv2": 3}
"""Those of a residual unit."""

PER_LEVEL = 5
"""Layers of a level: three units, an activation and a convolution."""

LEAF = r"((?:parametrizations\.weight\.)?\w+)"
"""A tensor of a layer."""

RENAMED = (
    (rf"^(encoder|decoder)\.(.*\.)?(\d+)\.(?!alpha$){LEAF}$", r"\1.\2\3.conv.\4"),
    *OLDER,
    (r"^quantizer\.quantizers\.(\d+)\.(in|out)_proj\.", r"quantizer.layers.\1.project_\2."),
    (r"^quantizer\.quantizers\.(\d+)\.codebook\.weight$", r"quantizer.layers.\1.quantizer.codebook.vectors"),
)
"""The authors' names but for the places of layers, and ours."""


def load_dac(
    path: StrPath, config: DACConfig, codes_per_position: int, codebook_size: int = 1024, codebook_dim: int = 8
) -> DAC:
    """A Descript Audio Codec in eval mode.

    Args:
        path: the authors' `weights.pth`, or transformers' `model.safetensors`.
        config: the sizes.
        codes_per_position: codebooks.
        codebook_size: vectors of each.
        codebook_dim: their width.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """
    levels, dim = len(config.strides), config.widths[-1]
    tensors = renamed(read_tensors(path), lambda name: our_name(name, levels), path)
    tensors = merged_weights(split_weights(our_shapes(tensors), r"\.conv"), r"\.project_(?:in|out)")
    kept = frozenset(
        f"quantizer.layers.{depth}.quantizer.codebook.{name}"
        for depth in range(codes_per_position)
        for name in ("counts", "steps", "started")
    )

    def make() -> PublishedDAC:
        options = {"dim": dim, "codebook_size": codebook_size, "codebook_dim": codebook_dim}
        base = "autoencoders.pretrained.projected:FactorizedVQ"
        quantizer = create_quantizer("rq", base=base, shared=False, codes_per_position=codes_per_position, **options)
        return PublishedDAC(config, quantizer)

    return build(make, tensors, path, kept)


class PublishedDecoder(Decoder):
    """The decoder as published, which at an odd stride gives one sample less than a whole number of strides.

    Later layers see zeros there, and the sound ends earlier than what was encoded: at 16 and 24 kHz by 8 samples, which
    are silent here.
    """

    def forward(self, x: Float[Tensor, "b d t"]) -> Float[Tensor, "b c T"]:
        extent = x.shape[-1]
        for layer in self:
            x = layer(x)
            if isinstance(layer, ConvTranspose1d):
                extent *= layer.stride
                x = x[..., : x.shape[-1] - layer.stride % 2]
        return F.pad(x, (0, extent - x.shape[-1]))


class PublishedDAC(DAC):
    """The codec with the published decoder."""

    decoder_class = PublishedDecoder


def our_name(name: str, levels: int) -> str:
    """Our name for a tensor of the authors' or of transformers', in networks of so many levels."""
    name = re.sub(r"^(encoder|decoder)\.(.+)$", lambda found: f"{found[1]}.{_place(found[1], found[2], levels)}", name)
    for pattern, new in RENAMED:
        name = re.sub(pattern, new, name)
    return name


def _place(part: str, rest: str, levels: int) -> str:
    """The place of a layer in our flat encoder or decoder, with what follows in its name."""
    last = PER_LEVEL * levels
    if found := re.fullmatch(rf"(?:block|model)\.(\d+)\.block\.(\d+)\.(?:block\.(\d+)\.)?{LEAF}", rest):
        level, place, inner, leaf = int(found[1]) - 1, int(found[2]), found[3], found[4]
    elif found := re.fullmatch(rf"(?:block|model)\.(\d+)\.{LEAF}", rest):
        outer = int(found[1])
        return f"{outer and outer + last - levels}.{found[2]}"
    elif (found := re.fullmatch(rf"block\.(\d+)\.(\w+)\.(?:(\w+)\.)??{LEAF}", rest)) and found[2] in IN_LEVEL[part]:
        level, place, leaf = int(found[1]), IN_LEVEL[part][found[2]], found[4]
        inner = found[3] and str(IN_UNIT.get(found[3], found[3]))
    elif found := re.fullmatch(rf"(conv1|snake1|conv2)\.{LEAF}", rest):
        outer = {"conv1": 0, "snake1": last + 1, "conv2": last + 2}[found[1]]
        return f"{outer}.{found[2]}"
    else:
        return rest
    branch = f"branch.{inner}." if inner else ""
    return f"{1 + PER_LEVEL * level + place}.{branch}{leaf}"


def our_shapes(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Activations without a batch axis, and convolutions over one position as the linear layers that they are."""
    found = {}
    for name, tensor in tensors.items():
        if name.endswith(".alpha"):
            tensor = tensor.squeeze(0)
        elif ".project_" in name and tensor.ndim == 3:
            tensor = tensor.squeeze(-1)
        found[name] = tensor
    return found
