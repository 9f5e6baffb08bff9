"""The backbones by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autoencoders.audio.dac import DAC
from autoencoders.audio.mdct_codec import MDCTCodec
from autoencoders.audio.seanet import SEANetCodec
from autoencoders.pictures.dvae import DVAE
from autoencoders.pictures.titok import TiTok
from autoencoders.pictures.vit import ViTTokenizer
from autoencoders.pictures.vqgan import VQGAN
from autoencoders.pictures.vqvae import VQVAE
from autoencoders.pictures.vqvae2 import VQVAE2
from autoencoders.sizes import BackboneConfig, BackboneName, backbone_of
from autoencoders.tokenizer import TrainableTokenizer
from autoencoders.video.magvit2 import MAGVIT2
from autoencoders.video.vidtok import VidTok
from quantizers import Quantizer

NETWORKS: Mapping[BackboneName, type[TrainableTokenizer]] = {
    "vqgan": VQGAN,
    "vqvae": VQVAE,
    "vqvae2": VQVAE2,
    "vit": ViTTokenizer,
    "1d": TiTok,
    "dvae": DVAE,
    "seanet": SEANetCodec,
    "dac": DAC,
    "mdct": MDCTCodec,
    "magvit2": MAGVIT2,
    "vidtok": VidTok,
}
"""What is made of each backbone's sizes."""


def code_maps_of(config: BackboneConfig) -> tuple[str, ...]:
    """Names of the code maps of the backbone: a quantizer is needed for each."""
    return NETWORKS[backbone_of(config)].maps


def create_tokenizer(config: BackboneConfig, quantizers: Sequence[Quantizer]) -> TrainableTokenizer:
    """A tokenizer to train, of these sizes, around a quantizer for each of its code maps."""
    return NETWORKS[backbone_of(config)](config, *quantizers)
