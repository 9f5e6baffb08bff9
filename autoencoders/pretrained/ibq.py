"""IBQ tokenizers of TencentARC/SEED-Voken: the VQGAN of taming-transformers, by its names, with four blocks a level.

Shi et al. 2024, "Scalable Image Tokenization with Index Backpropagation Quantization" (arXiv:2412.02692). A code
is that of the largest inner product, as of `ibq`. Read are the moving averages of the weights (`seed_voken`).
"""

from __future__ import annotations

from functools import partial

from autoencoders.pictures.settings import VQGANConfig
from autoencoders.pictures.vqgan import VQGAN
from autoencoders.pretrained.files import build, read_tensors, renamed
from autoencoders.pretrained.model import Pretrained
from autoencoders.pretrained.seed_voken import evaluated
from quantizers import create_quantizer
from storage.paths import StrPath

CODEBOOK = {"quantize.embedding.weight": "quantizer.codebook.vectors"}

PUBLISHED = VQGANConfig(blocks=4)
"""`ddconfig` of all of the authors' configurations."""


def load_ibq(path: StrPath, codebook_size: int, config: VQGANConfig = PUBLISHED) -> VQGAN:
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


def _published(data: str, codebook_size: int, source: str) -> Pretrained:
    return Pretrained(
        name=f"ibq-{data}-f16-{codebook_size}",
        load=partial(load_ibq, codebook_size=codebook_size),
        image_size=PUBLISHED.image_size,
        stride=PUBLISHED.stride,
        codes=str(codebook_size),
        paper="Shi et al. 2024, arXiv:2412.02692",
        licence="Apache-2.0 (the code's)",
        source=f"https://huggingface.co/TencentARC/{source}",
        verified="latents, codes and pictures on random weights, with a reference written from the source",
    )


MODELS = (
    *(
        _published("imagenet", size, f"IBQ-Tokenizer-{size}: imagenet256_{size}.ckpt")
        for size in (1024, 8192, 16384, 262144)
    ),
    *(
        _published("pretrain", size, f"IBQ-Tokenizer-{size}-Pretrain: IBQ_pretrain_{size}.ckpt")
        for size in (16384, 262144)
    ),
)
"""Trained on ImageNet, and for text to image on 200 million pictures."""
