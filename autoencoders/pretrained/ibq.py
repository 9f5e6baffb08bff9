"""IBQ tokenizers of TencentARC/SEED-Voken: the VQGAN of taming-transformers, by its names, with four blocks a level.

Shi et al. 2024, "Scalable Image Tokenization with Index Backpropagation Quantization" (arXiv:2412.02692). A code
is that of the largest inner product, as of `ibq`. Read are the moving averages of the weights (`seed_voken`).
"""

from __future__ import annotations

from autoencoders.pictures.sizes import VQGANConfig
from autoencoders.pictures.vqgan import VQGAN
from autoencoders.pretrained.files import build, read_tensors, renamed
from autoencoders.pretrained.seed_voken import evaluated
from autoencoders.pretrained.sizes import IBQ_SIZES
from quantizers import create_quantizer
from storage.paths import StrPath

CODEBOOK = {"quantize.embedding.weight": "quantizer.codebook.vectors"}


def load_ibq(path: StrPath, codebook_size: int, config: VQGANConfig = IBQ_SIZES) -> VQGAN:
    """An IBQ tokenizer in eval mode.

    Args:
        path: The checkpoint, or its tensors as safetensors.
        codebook_size: `n_embed` of the configuration.
        config: Its `ddconfig`; code vectors are as wide as `z_channels`.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """

    def make() -> VQGAN:
        return VQGAN(config, create_quantizer("ibq", codebook_size=codebook_size, dim=config.z_channels))

    return build(make, renamed(evaluated(read_tensors(path)), lambda name: CODEBOOK.get(name, name), path), path)
