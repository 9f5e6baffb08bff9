"""The published tokenizers of pictures that can be loaded: what each is, and where its weights are.

Apart from the networks and from what reads the files, so that a list of them needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from autoencoders.pictures.sizes import VQGANConfig
from autoencoders.pretrained.model import HUB, REWRITTEN, Loader, Pictures, Pretrained
from autoencoders.pretrained.sizes import IBQ_SIZES
from autoencoders.pretrained.taming_zoo import DIFFUSERS, LATENT_DIFFUSION, TAMING

LLAMAGEN_F16 = VQGANConfig()
LLAMAGEN_F8 = VQGANConfig(multipliers=(1, 2, 2, 4), attention_resolutions=(32,))


def _llamagen(name: str, config: VQGANConfig, source: str) -> Pretrained:
    return Pretrained(
        name=f"llamagen-{name}-16384",
        load=Loader.of("llamagen:load_llamagen", config=config),
        signals=Pictures(config.image_size, config.stride),
        codes="16384",
        paper="Sun et al. 2024, arXiv:2406.06525",
        licence="MIT (the code's)",
        source=f"{HUB}/{source}",
        verified=REWRITTEN,
    )


LLAMAGEN = (
    _llamagen("imagenet-f16", LLAMAGEN_F16, "FoundationVision/LlamaGen: vq_ds16_c2i.pt"),
    _llamagen("imagenet-f8", LLAMAGEN_F8, "FoundationVision/LlamaGen: vq_ds8_c2i.pt"),
    _llamagen("t2i-f16", LLAMAGEN_F16, "peizesun/llamagen_t2i: vq_ds16_t2i.pt"),
)


VAR_SIZES = VQGANConfig(width=160, z_channels=32)
SCALES_256 = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)
SCALES_512 = (1, 2, 3, 4, 6, 9, 13, 18, 24, 32)


def _var(name: str, image_size: int, scales: tuple[int, ...]) -> Pretrained:
    return Pretrained(
        name=f"var-{name}-f16-4096",
        load=Loader.of("var:load_var", config=VAR_SIZES, scales=scales),
        signals=Pictures(image_size, VAR_SIZES.stride),
        codes=f"4096, {len(scales)} maps of sides {', '.join(map(str, scales))}",
        paper="Tian et al. 2024, arXiv:2404.02905",
        licence="MIT (the code's)",
        source=f"{HUB}/FoundationVision/var: vae_ch160v4096z32.pth",
        verified=REWRITTEN,
    )


VAR = (_var("256", 256, SCALES_256), _var("512", 512, SCALES_512))
"""One file; VAR-d36 takes it to larger pictures with other scales (--pn 512)."""


MASKGIT = (
    Pretrained(
        name="maskgit-imagenet-f16-1024",
        load=Loader.of("maskgit:load_maskgit"),
        signals=Pictures(256, 16),
        codes="1024",
        paper="Chang et al. 2022, arXiv:2202.04200",
        licence="Apache-2.0 (the code's)",
        source=f"{HUB}/fun-research/TiTok: maskgit-vqgan-imagenet-f16-256.bin",
        verified=REWRITTEN,
    ),
)
"""The model that Google published for JAX, as 1d-tokenizer converted it."""


def _rq_vae_sizes(*attention_resolutions: int) -> VQGANConfig:
    return VQGANConfig(multipliers=(1, 1, 2, 2, 4, 4), attention_resolutions=attention_resolutions)


def _rq_vae(data: str, archive: str, config: VQGANConfig, codebook_size: int, unsure: str = "") -> Pretrained:
    return Pretrained(
        name=f"rq-vae-{data}-f32-{codebook_size}x4",
        load=Loader.of("rq_vae:load_rq_vae", config=config, codebook_size=codebook_size),
        signals=Pictures(config.image_size, config.stride),
        codes=f"{codebook_size}, 4 for a position",
        paper="Lee et al. 2022, arXiv:2203.01941",
        licence="CC-BY-NC-SA-4.0",
        source=f"https://github.com/kakaobrain/rq-vae-transformer: model.pt of stage 1 in {archive}.tar.gz{unsure}",
        verified=None if unsure else REWRITTEN,
    )


RQ_VAE = (
    _rq_vae("ffhq", "ffhq", _rq_vae_sizes(16), 2048),
    _rq_vae("lsun-church", "church", _rq_vae_sizes(8), 16384),
    _rq_vae("lsun-cat", "cat", _rq_vae_sizes(8), 16384),
    _rq_vae("lsun-bedroom", "bedroom", _rq_vae_sizes(8), 16384),
    _rq_vae("imagenet", "imagenet_480M", _rq_vae_sizes(8), 16384),
    _rq_vae(
        "imagenet-50-epochs",
        "imagenet_1.4B_rqvae_50e",
        _rq_vae_sizes(8),
        16384,
        unsure=" (taken to be as the ImageNet model in configs/, which has no file for this one)",
    ),
)
"""Those whose configuration is in the authors' repository, and the longer trained one for ImageNet."""


def _ibq(data: str, codebook_size: int, source: str) -> Pretrained:
    return Pretrained(
        name=f"ibq-{data}-f16-{codebook_size}",
        load=Loader.of("ibq:load_ibq", codebook_size=codebook_size),
        signals=Pictures(IBQ_SIZES.image_size, IBQ_SIZES.stride),
        codes=str(codebook_size),
        paper="Shi et al. 2024, arXiv:2412.02692",
        licence="Apache-2.0 (the code's)",
        source=f"{HUB}/TencentARC/{source}",
        verified=REWRITTEN,
    )


IBQ = (
    *(_ibq("imagenet", size, f"IBQ-Tokenizer-{size}: imagenet256_{size}.ckpt") for size in (1024, 8192, 16384, 262144)),
    *(_ibq("pretrain", size, f"IBQ-Tokenizer-{size}-Pretrain: IBQ_pretrain_{size}.ckpt") for size in (16384, 262144)),
)
"""Trained on ImageNet, and for text to image on 200 million pictures."""


MAGVIT2_F8, MAGVIT2_F16 = (1, 2, 2, 4), (1, 1, 2, 2, 4)
"""Multipliers of the two strides."""


def _open_magvit2(data: str, bits: int, multipliers: Sequence[int], source: str, image_size: int = 256) -> Pretrained:
    stride = 2 ** (len(multipliers) - 1)
    return Pretrained(
        name=f"open-magvit2-{data}-f{stride}-{2**bits}",
        load=Loader.of("open_magvit2:load_open_magvit2", bits=bits, multipliers=multipliers),
        signals=Pictures(image_size, stride),
        codes=str(2**bits),
        paper="Luo et al. 2024, arXiv:2409.04410",
        licence="Apache-2.0 (the code's)",
        source=f"{HUB}/TencentARC/Open-MAGVIT2-Tokenizer-{source}",
        verified=REWRITTEN,
    )


OPEN_MAGVIT2 = (
    _open_magvit2("imagenet", 18, MAGVIT2_F8, "128-resolution: imagenet_128_L.ckpt", image_size=128),
    _open_magvit2("imagenet", 18, MAGVIT2_F16, "256-resolution: imagenet_256_L.ckpt"),
    _open_magvit2("pretrain", 14, MAGVIT2_F16, "16384-Pretrain: pretrain256_16384.ckpt"),
    _open_magvit2("pretrain", 18, MAGVIT2_F16, "262144-Pretrain: pretrain256_262144.ckpt"),
)
"""Trained on ImageNet, and for text to image on 100 million pictures. Not those for video."""


def _bsq_vit(name: str, bits: int, page: str, what: str) -> Pretrained:
    return Pretrained(
        name=f"bsq-vit-imagenet256-f8-{name}",
        load=Loader.of("bsq_vit:load_bsq_vit", bits=bits),
        signals=Pictures(256, 8),
        codes=f"{2**bits:,}",
        paper="Zhao et al. 2024, arXiv:2406.07548",
        licence="MIT (of the code; nothing is said of the weights)",
        source=f"https://utexas.box.com/s/{page} ({what})",
        verified="a forward pass written down from the authors' source, on random tensors by their names",
    )


BSQ_VIT = (
    _bsq_vit("18bit", 18, "nt9g741b1cu4nidygd3a3e26clpemr0n", "18 bits, entropy in groups, md5 8f5422…"),
    _bsq_vit("18bit-exact", 18, "k5249jg1c6iznslsl89lwqqg6woqg27o", "18 bits, exact entropy, md5 7abf5a…"),
    _bsq_vit("36bit", 36, "a7w3lw5q4dzxun3ai9uthhc3y8ade0pw", "36 bits, md5 b5ce5f…"),
)


DALLE = (
    Pretrained(
        name="dalle-f8-8192",
        load=Loader.of("dalle:load_dalle"),
        signals=Pictures(256, 8),
        codes="8192",
        paper="Ramesh et al. 2021, arXiv:2102.12092",
        licence="MIT, which the authors modified: they ask that the use of the model be indicated",
        source="https://github.com/openai/DALL-E: encoder.pkl and decoder.pkl at https://cdn.openai.com/dall-e/, to be "
        "kept in one folder, whose path is the model's",
        verified="logits, codes and pictures on random weights, with the authors' package DALL-E; the published files "
        "themselves were not at hand",
    ),
)
"""The one that was published."""

PICTURE_ZOO = (
    *(*TAMING, *LATENT_DIFFUSION, *DIFFUSERS, *LLAMAGEN, *VAR, *MASKGIT),
    *(*RQ_VAE, *IBQ, *OPEN_MAGVIT2, *BSQ_VIT, *DALLE),
)
"""By code base."""
