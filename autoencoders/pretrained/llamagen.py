"""Tokenizers of FoundationVision/LlamaGen: the VQGAN with codes on the unit sphere, by names of their own."""

from __future__ import annotations

import re

from autoencoders.pictures.sizes import VQGANConfig
from autoencoders.pictures.vqgan import VQGAN
from autoencoders.pretrained.files import CONTAINERS, build, read_tensors, renamed
from autoencoders.pretrained.taming import KEPT
from quantizers import create_quantizer
from storage.paths import StrPath

INSIDE = ("ema", "model", *CONTAINERS)
"""Where a checkpoint has its tensors, in the authors' order: the averaged weights before the trained."""

UNUSED = "quantize.codebook_used"
"""Which codes the last batches of the training used."""

RENAMED = (
    (r"^encoder\.conv_blocks\.", "encoder.down."),
    (r"^decoder\.conv_blocks\.", "decoder.up."),
    (r"^(encoder|decoder)\.(down|up)\.(\d+)\.res\.", r"\1.\2.\3.block."),
    (r"^(encoder|decoder)\.mid\.0\.", r"\1.mid.block_1."),
    (r"^(encoder|decoder)\.mid\.1\.", r"\1.mid.attn_1."),
    (r"^(encoder|decoder)\.mid\.2\.", r"\1.mid.block_2."),
    (r"^quantize\.embedding\.weight$", "quantizer.codebook.vectors"),
)


def load_llamagen(path: StrPath, config: VQGANConfig, codebook_size: int = 16384, dim: int = 8) -> VQGAN:
    """A tokenizer from a checkpoint of LlamaGen, in eval mode.

    Args:
        path: `vq_ds16_c2i.pt` and the like.
        config: the sizes; the attention of all of LlamaGen's is at the coarsest level.
        codebook_size: number of codes.
        dim: channels of a code.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """
    tensors = read_tensors(path, INSIDE)
    tensors.pop(UNUSED, None)
    levels = len(config.multipliers)
    return build(
        lambda: VQGAN(config, create_quantizer("vq-cosine", codebook_size=codebook_size, dim=dim)),
        renamed(tensors, lambda name: our_name(name, levels), path),
        path,
        KEPT,
    )


def our_name(name: str, levels: int) -> str:
    """Our name for a tensor of LlamaGen's, whose decoder counts its levels from the coarsest."""
    for pattern, new in RENAMED:
        name = re.sub(pattern, new, name)
    return re.sub(r"^decoder\.up\.(\d+)\.", lambda found: f"decoder.up.{levels - 1 - int(found[1])}.", name)
