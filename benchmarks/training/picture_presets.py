"""The presets of pictures: settings by name, and the sizes of other backbones in them."""

from __future__ import annotations

from dataclasses import replace

from autoencoders.pictures.loss_config import LossConfig
from autoencoders.pictures.sizes import (
    DVAEConfig,
    TiTokConfig,
    ViTConfig,
    VQGANConfig,
    VQVAE2Config,
    VQVAEConfig,
)
from autoencoders.sizes import BackboneConfig, BackboneName
from benchmarks.data import DataConfig
from benchmarks.training.settings import PresetName, Settings, TrainConfig, published_training

# Blocks of 4 × 4 pixels as channels, and norms in the branches alone: small pictures repay neither convolutions at full
# resolution nor having their brightness and colours taken away. results/sweeps/recipe.yaml asks what each is worth.
_SMALL = VQGANConfig(
    stem=4,
    width=64,
    multipliers=(1, 2),
    blocks=1,
    attention_resolutions=(),
    z_channels=64,
    norm="rms",
    resampling="shuffle",
    middle=False,
)


# The squared error is what PSNR measures, and it holds colours. Beside it the quantizer's loss counts as if the error
# were divided by the pixels' variance, about a quarter (van den Oord et al. 2017, the authors' code): with all of it
# it outgrows the error, and `lfq` and `ibq`, whose loss is largely an entropy, end one and two decibels lower.
_SMALL_LOSS = LossConfig("l2", codebook_weight=0.25, perceptual="none", gan="none")


def _small_training(images: int) -> TrainConfig:
    """Small batches learn the most from a picture. A short memory of the gradients' size is what keeps a rate this high
    from blowing up; twice as high it does."""
    return TrainConfig(
        images=images, batch_size=16, learning_rate=3e-3 / 16, warmup=0.1, betas=(0.9, 0.95), weight_ema=0.98
    )


def _llamagen(model: VQGANConfig) -> Settings:
    return Settings(
        data=DataConfig(image_size=256),
        model=model,
        dim=8,
        loss=LossConfig("l2", gan_weight=0.5, gan_start=20_000),
        train=published_training(40 * 1_281_167, 128, 1e-4, betas=(0.9, 0.95), weight_ema=0.9999),
    )


PICTURE_PRESETS: dict[PresetName, Settings] = {
    # Every part of the training in seconds: for tests, its numbers mean nothing.
    "smoke": Settings(
        data=DataConfig(image_size=32, limit_test=32),
        model=replace(_SMALL, width=8),
        dim=8,
        loss=LossConfig(perceptual="ms-ssim", gan="hinge", gan_start=4, discriminator_layers=2, discriminator_width=8),
        train=TrainConfig(images=128, batch_size=16, learning_rate=3e-3 / 16, weight_ema=0.5),
    ),
    # Someone tries it: about two core-minutes. Neither GAN nor perceptual loss, which are for larger pictures;
    # results/sweeps/gan.yaml asks what they give at 64 pixels.
    "quick": Settings(
        data=DataConfig(image_size=32),
        model=_SMALL,
        dim=16,
        loss=_SMALL_LOSS,
        train=_small_training(48_000),
    ),
    # The same at 64 pixels, and twice as long: about twelve core-minutes.
    "cpu": Settings(
        data=DataConfig(image_size=64),
        model=_SMALL,
        dim=16,
        loss=_SMALL_LOSS,
        train=_small_training(96_000),
    ),
    # Esser et al. 2021, the ImageNet f16 model: 256 x 256 -> 16 x 16 codes; for GPUs.
    "vqgan-f16": Settings(
        data=DataConfig(image_size=256),
        model=VQGANConfig(),
        dim=256,
        loss=LossConfig(perceptual="auto", gan="hinge", gan_start=250_001),
        train=TrainConfig(images=12 * 500_000, batch_size=12, warmup=0.0, final_rate=1.0, weight_ema=0.0),
    ),
    # Sun et al. 2024 (LlamaGen), for `vq-cosine --bits 14 --options dim=8`; with an adaptive weight of the GAN, and
    # with Adam, without weight decay (theirs is 0.05) and gradient clipping.
    "llamagen-16": _llamagen(VQGANConfig()),
    "llamagen-8": _llamagen(VQGANConfig(multipliers=(1, 2, 2, 4), attention_resolutions=(32,))),
    # Tian et al. 2024 (VAR), for `multi-scale --bits`, whose own options are the paper's. The paper tells the sizes and
    # the terms of the loss alone; their weights and the optimiser are the defaults of the program that its authors
    # released later (FoundationVision/vaex), the length is LlamaGen's. With the discriminator of all others here, not a
    # DINO's, 1 x 1 convolutions around the quantizer, not 3 x 3, and without the term L1 of weight 0.2, weight decay
    # (0.005) and gradient clipping.
    "var-16": Settings(
        data=DataConfig(image_size=256),
        model=VQGANConfig(width=160, z_channels=32, dropout=0.05),
        dim=32,
        loss=LossConfig("l2", gan_weight=0.4, gan_start=13_345),  # a fifth of the steps
        train=published_training(
            40 * 1_281_167, 768, 3e-4, warmup=0.01, final_rate=0.3, betas=(0.5, 0.9), weight_ema=0.9999
        ),
    ),
    # Yu et al. 2022, the small model, for `vq-cosine --bits 13 --options dim=32`; with the discriminator of all others
    # here, not StyleGAN's, without the logit-laplace term of weight 0.1 and without weight decay.
    "vit-vqgan": Settings(
        data=DataConfig(image_size=256),
        model=ViTConfig(width=512, layers=8, heads=8),
        dim=32,
        loss=LossConfig("l2", perceptual_weight=0.1, gan_weight=0.1, gan_start=0),
        train=published_training(256 * 500_000, 256, 1e-4, warmup=0.1, final_rate=0.5, betas=(0.9, 0.99)),
    ),
    # Van den Oord et al. 2017, section 4.1, for `vq --bits 9`: 128 x 128 -> 32 x 32 codes.
    "vqvae": Settings(
        data=DataConfig(image_size=128),
        model=VQVAEConfig(),
        dim=64,
        loss=LossConfig("l2", perceptual="none", gan="none"),
        train=published_training(128 * 250_000, 128, 2e-4),
    ),
    # Razavi et al. 2019, for `vq-ema --bits 9`: 256 x 256 -> 32 x 32 and 64 x 64 codes. Sizes and schedule are those of
    # the port in common use (rosinality), 560 epochs of ImageNet.
    "vqvae2": Settings(
        data=DataConfig(image_size=256),
        model=VQVAE2Config(),
        dim=64,
        loss=LossConfig("l2", perceptual="none", gan="none"),
        train=published_training(560 * 1_281_167, 128, 3e-4),
    ),
    # Ramesh et al. 2021 (DALL-E), for `gumbel --bits 13 --options one_hot=True kl_weight=0.034375 kl_warmup=0.0041667
    # temperature_until=0.125`; up to the end of its cosine, and without weight decay.
    "dalle": Settings(
        data=DataConfig(image_size=256),
        model=DVAEConfig(),
        dim=128,
        loss=LossConfig("logit-laplace", perceptual="none", gan="none"),
        train=published_training(512 * 1_200_000, 512, 1e-4, final_rate=0.0125, weight_ema=0.999),
    ),
}

# The same of the other backbones: at the stride of the preset's VQGAN, and as long to train, or up to twice.
PICTURE_SIZES: dict[BackboneName, dict[PresetName, BackboneConfig]] = {
    "vqgan": {},
    "vqvae": {
        "smoke": VQVAEConfig(width=16, residual_width=8, blocks=1, downsamplings=3),
        "quick": VQVAEConfig(width=128, residual_width=64, downsamplings=3),
        "cpu": VQVAEConfig(width=128, residual_width=64, downsamplings=3),
    },
    "vqvae2": {
        "smoke": VQVAE2Config(width=16, residual_width=8, blocks=1, downsamplings=3),
        "quick": VQVAE2Config(width=96, residual_width=48, downsamplings=3),
        "cpu": VQVAE2Config(width=96, residual_width=48, downsamplings=3),
    },
    "vit": {
        "smoke": ViTConfig(patch_size=8, width=32, layers=1, heads=2),
        "quick": ViTConfig(patch_size=8, width=128, layers=4, heads=4),
        "cpu": ViTConfig(patch_size=8, width=128, layers=4, heads=4),
    },
    "dvae": {
        "smoke": DVAEConfig(width=8, blocks=1, z_channels=8),
        "quick": DVAEConfig(width=32, blocks=1, z_channels=64),
        "cpu": DVAEConfig(width=32, blocks=1, z_channels=64),
    },
    # as many tokens as the grids of the others have positions
    "1d": {
        "smoke": TiTokConfig(patch_size=8, width=32, layers=1, heads=2, latent_tokens=16),
        "quick": TiTokConfig(patch_size=8, width=128, layers=3, heads=4, latent_tokens=16),
        "cpu": TiTokConfig(patch_size=8, width=128, layers=3, heads=4, latent_tokens=64),
    },
}

PICTURE_RATES: dict[BackboneName, float] = dict.fromkeys(("vqvae", "vqvae2", "vit", "1d"), 1.5e-3 / 16)
"""Of Adam, where the VQGAN's is not theirs too: results/sweeps/backbone-rates.yaml asks."""
