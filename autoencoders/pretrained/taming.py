"""VQGANs of CompVis/taming-transformers: our own names, but for the quantizer's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from autoencoders.pretrained.files import WeightsError, fill, read_tensors
from autoencoders.vqgan import VQGAN, VQGANConfig
from quantizers import create_quantizer

CODEBOOK = {"quantize.embedding.weight": "quantizer.codebook.vectors"}
"""Of `VectorQuantizer2`, which codes by Euclidean distance as `vq` does."""

GUMBEL = {
    "quantize.proj.weight": "quantizer.project.weight",
    "quantize.proj.bias": "quantizer.project.bias",
    "quantize.embed.weight": "quantizer.embedding",
}
"""Of `GumbelQuantize`; its projection is a 1 x 1 convolution there."""

KEPT = frozenset(
    f"quantizer.{name}" for name in ("codebook.counts", "codebook.steps", "codebook.started", "temperature")
)
"""What our quantizers keep for training, and no checkpoint has."""

OF_TRAINING = "loss."
"""Prefix of the discriminator and of LPIPS, which a trained model needs no more."""


def load_taming(path: Path, config: VQGANConfig) -> VQGAN:
    """A VQGAN from a checkpoint of taming-transformers, in eval mode.

    Args:
        path: `last.ckpt`, or its tensors as safetensors.
        config: the sizes, which the checkpoint does not say: `ddconfig` of its YAML file.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """
    tensors = {name: tensor for name, tensor in read_tensors(path).items() if not name.startswith(OF_TRAINING)}
    return from_taming_names(tensors, config, path)


def from_taming_names(
    tensors: Mapping[str, Tensor], config: VQGANConfig, source: Path, *, middle_attention: bool = True
) -> VQGAN:
    """A VQGAN of tensors by the names of taming-transformers, in eval mode. WeightsError as `load_taming`.

    Args:
        middle_attention: whether there is attention between the two blocks at the coarsest resolution.
    """
    names, quantizer = (GUMBEL, "gumbel") if "quantize.embed.weight" in tensors else (CODEBOOK, "vq")
    table = next(name for name in names if "embed" in name)
    if table not in tensors or tensors[table].ndim != 2:
        raise WeightsError(f"{source}: no codebook in it (quantize.embedding.weight, or quantize.embed.weight)")
    size, dim = tensors[table].shape
    options = {"kmeans_iterations": 0} if quantizer == "vq" else {}  # it has a codebook already
    model = VQGAN(config, create_quantizer(quantizer, codebook_size=size, dim=dim, **options))
    if not middle_attention:
        for part in (model.encoder, model.decoder):
            part.mid.attn_1 = nn.Identity()
    renamed = {names.get(name, name): tensor for name, tensor in tensors.items()}
    if "quantizer.project.weight" in renamed:
        renamed["quantizer.project.weight"] = renamed["quantizer.project.weight"].flatten(1)
    fill(model, renamed, source, KEPT)
    return model.eval()
