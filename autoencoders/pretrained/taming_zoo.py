"""The published tokenizers of taming-transformers and of what came of it: latent-diffusion, and the port in diffusers.

What each is, and where its weights are, as in `picture_zoo`.
"""

from __future__ import annotations

from typing import Any

from autoencoders.pictures.sizes import VQGANConfig
from autoencoders.pretrained.model import HUB, REWRITTEN, Codebook, Loader, Pictures, Pretrained

TAMING_F16 = VQGANConfig()
TAMING_F8 = VQGANConfig(multipliers=(1, 1, 2, 4), attention_resolutions=(32,))


def _taming(name: str, source: str, codebook: Codebook, config: VQGANConfig = TAMING_F16) -> Pretrained:
    of = ", Gumbel" if codebook.quantizer == "gumbel" else ""
    return Pretrained(
        name=f"taming-{name}",
        load=Loader.of("taming:load_taming", config=config, codebook=codebook),
        signals=Pictures(config.image_size, config.stride),
        codes=f"{codebook.size}{of}",
        paper="Esser et al. 2021, arXiv:2012.09841",
        licence="MIT (the code's)",
        source=f"https://github.com/CompVis/taming-transformers: {source}",
        verified=REWRITTEN,
    )


TAMING = (
    _taming("imagenet-f16-1024", "vqgan_imagenet_f16_1024, last.ckpt", Codebook(1024, 256)),
    _taming("imagenet-f16-16384", "vqgan_imagenet_f16_16384, last.ckpt", Codebook(16384, 256)),
    _taming("openimages-f8-gumbel-8192", "vqgan_gumbel_f8, last.ckpt", Codebook(8192, 256, "gumbel"), TAMING_F8),
    _taming("faceshq-f16-1024", "faceshq_transformer, last.ckpt", Codebook(1024, 256)),
    _taming("coco-f16-8192", "COCO-8k-VQGAN, coco_epoch117.ckpt", Codebook(8192, 256)),
    _taming("coco-openimages-f16-8192", "COCO/Open-Images-8k-VQGAN, coco_oi_epoch12.ckpt", Codebook(8192, 256)),
)
"""Of its table of models and its scene synthesis: those whose sizes stand in the authors' configurations."""


def _latent_diffusion(
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
        load=Loader.of("taming:load_taming", config=config, codebook=codebook, middle_attention=middle_attention),
        signals=Pictures(config.image_size, config.stride),
        codes=str(codebook.size),
        paper="Rombach et al. 2021, arXiv:2112.10752",
        licence="MIT (the code's)",
        source="https://github.com/CompVis/latent-diffusion: scripts/download_first_stages.sh, model.ckpt",
        verified=REWRITTEN,
    )


LATENT_DIFFUSION = (
    _latent_diffusion("f4-8192", Codebook(8192, 3), (1, 2, 4)),
    _latent_diffusion("f4-8192-noattn", Codebook(8192, 3), (1, 2, 4), middle_attention=False),
    _latent_diffusion("f8-16384", Codebook(16384, 4), (1, 2, 2, 4), attention=(32,)),
    _latent_diffusion("f8-256", Codebook(256, 4), (1, 2, 2, 4), attention=(32,)),
    _latent_diffusion("f16-16384", Codebook(16384, 8), (1, 1, 2, 2, 4), attention=(16,)),
)
"""latent-diffusion's regularised-by-VQ autoencoders, by the sizes in models/first_stage_models/*/config.yaml."""


def _diffusers(
    name: str, image_size: int, multipliers: tuple[int, ...], codebook: Codebook, **about: str
) -> Pretrained:
    # as the configuration beside the weights is read: resolutions are counted at any size that all levels divide
    config = VQGANConfig(
        image_size=2 ** (len(multipliers) - 1),
        multipliers=multipliers,
        attention_resolutions=(),
        z_channels=codebook.dim,
    )
    return Pretrained(
        name=name,
        load=Loader.of("diffusers:load_diffusers", expected=config, codebook=codebook),
        signals=Pictures(image_size, config.stride),
        codes=str(codebook.size),
        **about,
        verified="latents, codes and pictures on random weights, with diffusers' VQModel",
    )


LDM: dict[str, Any] = {
    "image_size": 256,
    "multipliers": (1, 2, 4),
    "codebook": Codebook(8192, 3),
    "paper": "Rombach et al. 2021, arXiv:2112.10752",
    "licence": "Apache-2.0",
}

AMUSED: dict[str, Any] = {
    "multipliers": (1, 2, 2, 4, 6),
    "codebook": Codebook(8192, 64),
    "paper": "Patil et al. 2024, arXiv:2401.01808",
    "licence": "see its page",
}

DIFFUSERS = (
    _diffusers("diffusers-ldm-celebahq-f4-8192", **LDM, source=f"{HUB}/CompVis/ldm-celebahq-256: folder vqvae"),
    _diffusers(
        "diffusers-ldm-openimages-f4-8192",
        **LDM,
        source=f"{HUB}/CompVis/ldm-super-resolution-4x-openimages: folder vqvae",
    ),
    _diffusers("amused-256-f16-8192", 256, **AMUSED, source=f"{HUB}/amused/amused-256: folder vqvae"),
    _diffusers("amused-512-f16-8192", 512, **AMUSED, source=f"{HUB}/amused/amused-512: folder vqvae"),
)
"""Each is a folder: `load` takes its path."""
