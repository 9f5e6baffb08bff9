"""The discrete VAE of DALL-E, from the two files that its authors published: an encoder and a decoder, pickled whole.

Ramesh et al. 2021, "Zero-Shot Text-to-Image Generation" (arXiv:2102.12092); code at github.com/openai/DALL-E, whose
`map_pixels` and `unmap_pixels` are part of our model. Its codes are the largest of the encoder's logits: those of
`gumbel`, whose own layers are left out, for the encoder and the decoder have them.
"""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from autoencoders.pictures.dvae import DVAE
from autoencoders.pictures.sizes import DVAEConfig
from autoencoders.pretrained.files import WeightsError, build, renamed
from autoencoders.pretrained.pickled_module import read_module
from quantizers import create_quantizer
from storage.paths import StrPath

PARTS = ("encoder", "decoder")
"""A file each, with the ending .pkl."""

CLASSES = (
    *("dall_e.encoder.Encoder", "dall_e.encoder.EncoderBlock"),
    *("dall_e.decoder.Decoder", "dall_e.decoder.DecoderBlock"),
    "dall_e.utils.Conv2d",
)
"""What the authors' modules are made of."""

RENAMED = (
    (r"^encoder\.blocks\.output\.conv\.", "quant_conv."),
    (r"^decoder\.blocks\.input\.", "post_quant_conv."),
    (r"^decoder\.blocks\.output\.conv\.", "decoder.output."),
    (r"^(encoder|decoder)\.blocks\.", r"\1."),
    (r"\.w$", ".weight"),
    (r"\.b$", ".bias"),
)
"""Our names for theirs."""

KEPT = frozenset({"quantizer.temperature"})
"""What our quantizer keeps for training."""


def load_dalle(path: StrPath, config: DVAEConfig | None = None, codebook_size: int = 8192) -> DVAE:
    """DALL-E's discrete VAE in eval mode.

    Args:
        path: A folder with `encoder.pkl` and `decoder.pkl`, of which the tensors are read and nothing is run; or one
            file of tensors by the names `encoder.…` and `decoder.…`, as safetensors or by `torch.save`.
        config: The sizes; None takes the published ones.
        codebook_size: Number of codes.

    Raises:
        WeightsError: a file is missing or cannot be read, or has other names or shapes.
    """
    sizes = config or DVAEConfig()

    def make() -> DVAE:
        return DVAE(sizes, create_quantizer("gumbel", dim=codebook_size, codebook_size=codebook_size, one_hot=True))

    return build(make, renamed(read_both(path), our_name, path), path, KEPT)


def read_both(path: StrPath) -> dict[str, Tensor]:
    """The tensors by the authors' names, after `encoder.` and `decoder.`. WeightsError as `load_dalle`."""
    path = Path(path)
    if path.is_dir():
        parts = {part: read_module(path / f"{part}.pkl", CLASSES) for part in PARTS}
        return {f"{part}.{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}
    tensors = read_module(path, CLASSES)
    if any(name.startswith("blocks.") for name in tensors):
        raise WeightsError(
            f"{path}: is the encoder or the decoder alone; name the folder that has both encoder.pkl and decoder.pkl"
        )
    return tensors


def our_name(name: str) -> str:
    """Our name of a tensor."""
    for pattern, new in RENAMED:
        name = re.sub(pattern, new, name)
    return name
