"""VQGANs of CompVis/latent-diffusion: taming-transformers' network and names, at smaller latents."""

from __future__ import annotations

from functools import partial

from autoencoders.pictures.settings import VQGANConfig
from autoencoders.pretrained.model import Pretrained
from autoencoders.pretrained.taming import VERIFIED, Codebook, load_taming

PAGE = "https://github.com/CompVis/latent-diffusion"


def _published(
    name: str,
    codebook: Codebook,
    multipliers: tuple[int, ...],
    *,
    attention: tuple[int, ...] = (),
    middle_attention: bool = True,
) -> Pretrained:
    config = VQGANConfig(multipliers=multipliers, attention_resolutions=attention, z_channels=codebook.dim)
    return Pretrained(
        name=f"ldm-openimages-{name}",
        load=partial(load_taming, config=config, codebook=codebook, middle_attention=middle_attention),
        image_size=config.image_size,
        stride=config.stride,
        codes=str(codebook.size),
        paper="Rombach et al. 2021, arXiv:2112.10752",
        licence="MIT (the code's)",
        source=f"{PAGE}: scripts/download_first_stages.sh, model.ckpt",
        verified=VERIFIED,
    )


MODELS = (
    _published("f4-8192", Codebook(8192, 3), (1, 2, 4)),
    _published("f4-8192-noattn", Codebook(8192, 3), (1, 2, 4), middle_attention=False),
    _published("f8-16384", Codebook(16384, 4), (1, 2, 2, 4), attention=(32,)),
    _published("f8-256", Codebook(256, 4), (1, 2, 2, 4), attention=(32,)),
    _published("f16-16384", Codebook(16384, 8), (1, 1, 2, 2, 4), attention=(16,)),
)
"""Its regularised-by-VQ autoencoders, by the sizes in models/first_stage_models/*/config.yaml."""
