"""VQGANs of CompVis/taming-transformers: our own names, but for the quantizer's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from autoencoders.pictures.sizes import VQGANConfig
from autoencoders.pictures.vqgan import VQGAN
from autoencoders.pretrained.files import WeightsError, build, read_tensors, renamed
from autoencoders.pretrained.model import Codebook
from quantizers import create_quantizer
from storage.paths import StrPath

QUANTIZERS = {
    # `VectorQuantizer2`, which codes by Euclidean distance
    "vq": {"quantize.embedding.weight": "quantizer.codebook.vectors"},
    # `GumbelQuantize`, whose projection is a 1 x 1 convolution
    "gumbel": {
        "quantize.embed.weight": "quantizer.embedding",
        "quantize.proj.weight": "quantizer.project.weight",
        "quantize.proj.bias": "quantizer.project.bias",
    },
}
"""Our names for each kind of quantizer's; its table of vectors first."""

KEPT = frozenset(
    f"quantizer.{name}" for name in ("codebook.counts", "codebook.steps", "codebook.started", "temperature")
)
"""What our quantizers keep for training, and no checkpoint has."""

OF_TRAINING = "loss."
"""Prefix of the discriminator and of LPIPS, which a trained model needs no more."""

FIRST_STAGE = "first_stage_model."
"""Prefix of the tokenizer in the checkpoint of a transformer."""


def load_taming(
    path: StrPath, config: VQGANConfig, codebook: Codebook | None = None, *, middle_attention: bool = True
) -> VQGAN:
    """A VQGAN from a checkpoint of taming-transformers or latent-diffusion, in eval mode.

    The codes of a Gumbel quantizer are those of the largest logits; the authors' code samples them, also in eval mode.

    Args:
        path: `last.ckpt`, or its tensors as safetensors; of a transformer's checkpoint the tokenizer in it.
        config: the sizes, which the checkpoint does not say: `ddconfig` of its YAML file.
        codebook: what its quantizer must be; as the checkpoint has it unless given.
        middle_attention: whether there is attention between the two blocks at the coarsest resolution.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """
    tensors = read_tensors(path)
    if any(name.startswith(FIRST_STAGE) for name in tensors):
        tensors = {
            name.removeprefix(FIRST_STAGE): tensor for name, tensor in tensors.items() if name.startswith(FIRST_STAGE)
        }
    tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(OF_TRAINING)}
    return from_taming_names(tensors, config, path, codebook, middle_attention=middle_attention)


def from_taming_names(
    tensors: Mapping[str, Tensor],
    config: VQGANConfig,
    source: StrPath,
    codebook: Codebook | None = None,
    *,
    middle_attention: bool = True,
) -> VQGAN:
    """A VQGAN of tensors by the names of taming-transformers, in eval mode. Arguments and errors as `load_taming`."""
    source = Path(source)
    codebook = codebook or _codebook_in(tensors, source)
    names = QUANTIZERS[codebook.quantizer]
    ours = renamed(tensors, lambda name: names.get(name, name), source)
    if (projection := ours.get("quantizer.project.weight")) is not None and projection.ndim == 4:
        ours["quantizer.project.weight"] = projection.flatten(1)

    def make() -> VQGAN:
        quantizer = create_quantizer(codebook.quantizer, codebook_size=codebook.size, dim=codebook.dim)
        model = VQGAN(config, quantizer)
        if not middle_attention:
            for part in (model.encoder, model.decoder):
                part.mid.attn_1 = nn.Identity()
        return model

    return build(make, ours, source, KEPT)


def _codebook_in(tensors: Mapping[str, Tensor], source: Path) -> Codebook:
    quantizer: Literal["vq", "gumbel"] = "gumbel" if "quantize.embed.weight" in tensors else "vq"
    table = tensors.get(next(iter(QUANTIZERS[quantizer])))
    if table is None or table.ndim != 2 or not table.numel():
        raise WeightsError(f"{source}: no codebook in it (quantize.embedding.weight, or quantize.embed.weight)")
    size, dim = table.shape
    return Codebook(size, dim, quantizer)
