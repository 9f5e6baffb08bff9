"""RQ-VAEs of kakaobrain/rq-vae-transformer: the VQGAN of taming-transformers, by its names, with residual codes.

Lee et al. 2022, "Autoregressive Image Generation using Residual Quantization" (arXiv:2203.01941). All share one
codebook among the depths, learned by moving averages: `rq` over `vq-ema`. Their evaluation takes the weights themselves
(`state_dict`), not averages of them. The models for CC-3M and for text to image are left out: their configurations are
in the archives only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from autoencoders.pictures.sizes import VQGANConfig
from autoencoders.pictures.vqgan import VQGAN
from autoencoders.pretrained.files import WeightsError, build, read_tensors
from quantizers import create_quantizer
from storage.paths import StrPath

CODEBOOK = re.compile(r"quantizer\.codebooks\.(\d+)\.(weight|cluster_size_ema|embed_ema)")
"""The tensors of a depth's codebook; of a shared one, every depth has a copy."""

OURS = {"weight": "vectors", "cluster_size_ema": "counts", "embed_ema": "sums"}
"""Our names of these."""

KEPT = frozenset(f"quantizer.layers.0.{name}" for name in ("codebook.steps", "codebook.started", "temperature"))
"""What our quantizers keep for training, and no checkpoint has."""


def load_rq_vae(path: StrPath, config: VQGANConfig, codebook_size: int, codes_per_position: int = 4) -> VQGAN:
    """An RQ-VAE with one codebook for all depths, in eval mode.

    Args:
        path: `model.pt`, or the tensors of its `state_dict` as safetensors.
        config: The sizes, `ddconfig` of the YAML file beside it; code vectors are as wide as `z_channels`.
        codebook_size: `n_embed`.
        codes_per_position: Depth, the last of `code_shape`.

    Raises:
        WeightsError: the file cannot be read, or has other names, shapes or codebooks.
    """

    def make() -> VQGAN:
        quantizer = create_quantizer(
            "rq",
            base="vq-ema",
            codes_per_position=codes_per_position,
            codebook_size=codebook_size,
            dim=config.z_channels,
        )
        return VQGAN(config, quantizer)

    return build(make, our_tensors(read_tensors(path), codes_per_position, path), path, KEPT)


def our_tensors(tensors: Mapping[str, Tensor], codes_per_position: int, source: StrPath) -> dict[str, Tensor]:
    """The tensors by our names, the codebook once.

    A codebook's table ends with a row that no code stands for (the padding of an embedding).

    Raises:
        WeightsError: other depths, or codebooks that differ.
    """
    ours: dict[str, Tensor] = {}
    depths = set()
    for name, tensor in tensors.items():
        if not (found := CODEBOOK.fullmatch(name)):
            ours[name] = tensor
            continue
        depth, what = int(found[1]), found[2]
        depths.add(depth)
        values = tensor[:-1] if what == "weight" and tensor.ndim else tensor
        shared = ours.setdefault(f"quantizer.layers.0.codebook.{OURS[what]}", values)
        if shared.dtype != values.dtype or not torch.equal(shared, values):
            raise WeightsError(f"{source}: {name} differs from another depth's, where one codebook for all is expected")
    if depths != set(range(codes_per_position)):
        raise WeightsError(
            f"{source}: has codebooks of {len(depths)} depths, where {codes_per_position} from 0 are expected"
        )
    return ours
