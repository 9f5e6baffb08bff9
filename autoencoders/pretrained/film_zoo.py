"""The published tokenizers of films that can be loaded: what each is, and where its weights are.

Apart from the networks and from what reads the files, as `picture_zoo`.
"""

from __future__ import annotations

from autoencoders.pretrained.model import HUB, Films, Loader, Pretrained
from autoencoders.pretrained.sizes import CosmosConfig
from autoencoders.video.sizes import VidTokConfig

BY_PACKAGE = "latents, codes and films on random weights, with diffusers' AutoencoderVidTok"
"""How version 1.1 is verified, which is all that the package has."""


def _vidtok(name: str, dims: int, config: VidTokConfig) -> Pretrained:
    first = config.version == "1.0"
    file = f"vidtok_fsq_causal_{name}" if first else f"vidtok_v1_1/vidtok_fsq_causal_{name}_v1_1"
    return Pretrained(
        name=file.rpartition("/")[2].replace("_", "-"),
        load=Loader.of("vidtok:load_vidtok", config=config, dims=dims),
        signals=Films(256, 17, 30, config.stride),
        codes=str(8**dims),
        paper="Tang et al. 2024, arXiv:2412.13061",
        licence="MIT",
        source=f"{HUB}/microsoft/VidTok: checkpoints/{file}.ckpt",
        verified=f"{BY_PACKAGE}, its layers of time rewritten from the authors' source" if first else BY_PACKAGE,
    )


VIDTOK = (
    _vidtok("488_4096", 4, VidTokConfig()),
    _vidtok("488_32768", 5, VidTokConfig()),
    _vidtok("488_262144", 6, VidTokConfig()),
    _vidtok("41616_262144", 6, VidTokConfig(multipliers=(1, 2, 4, 4, 4), halving=(2, 3))),
    _vidtok("488_32768", 5, VidTokConfig(version="1.1")),
    _vidtok("888_32768", 5, VidTokConfig(version="1.1", halving=(0, 1, 2), doubling=(1, 2, 3))),
)
"""The causal ones with codes, by their names: strides of time and of both sides, and codes. Version 1.1 was trained on
from 1.0, on longer films."""


def _cosmos(strides: tuple[int, int, int]) -> Pretrained:
    name = "x".join(map(str, strides))
    return Pretrained(
        name=f"cosmos-dv-{name}",
        load=Loader.of("cosmos:load_cosmos", config=CosmosConfig(strides)),
        signals=Films(256, 17, 30, strides),
        codes="64000",
        paper="NVIDIA 2025, arXiv:2501.03575",
        licence="NVIDIA Open Model License",
        source=f"{HUB}/nvidia/Cosmos-0.1-Tokenizer-DV{name}: autoencoder.jit, of which "
        'torch.save(torch.jit.load("autoencoder.jit").state_dict(), FILE) makes a file that runs no code',
        verified="latents, codes and films on random weights, with the networks of diffusers' AutoencoderKLCosmos, "
        "their quantizer rewritten from the authors' source",
    )


COSMOS = tuple(map(_cosmos, ((4, 8, 8), (8, 8, 8), (8, 16, 16))))
"""Those with codes, by their strides of time and of both sides. The authors take films in clips of 17 frames, and
measure them whole, of up to 1080 pixels, at their own rate; here clips are as VidTok's, and so can be compared."""

FILM_ZOO = VIDTOK + COSMOS
"""By code base."""
