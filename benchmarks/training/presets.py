"""The presets: settings by name, and what a run's own differ in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from autoencoders.audio.loss_config import AudioLossConfig
from autoencoders.audio.sizes import DAC_44KHZ, ENCODEC_24KHZ, SOUNDSTREAM_24KHZ, SPEECH_16KHZ, DACConfig
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
from benchmarks.command_line.flags import as_flags
from benchmarks.data import DataConfig
from benchmarks.data.sounds.config import SoundConfig
from benchmarks.records.values import as_command
from benchmarks.training.settings import PresetName, RunConfig, Settings, TrainConfig, effective

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


def _published(images: int, batch_size: int, rate: float, **other: Any) -> TrainConfig:
    """A training as papers tell it: the rate is a batch's and, unless said otherwise, constant; Adam's betas are the
    usual ones, and the last weights are taken."""
    usual = {"warmup": 0.0, "final_rate": 1.0, "betas": (0.9, 0.999), "weight_ema": 0.0}
    return TrainConfig(images=images, batch_size=batch_size, learning_rate=rate / batch_size, **{**usual, **other})


def _small_training(images: int) -> TrainConfig:
    """Small batches learn the most from a picture. A short memory of the gradients' size is what keeps a rate this high
    from blowing up; twice as high it does."""
    return TrainConfig(
        images=images, batch_size=16, learning_rate=3e-3 / 16, warmup=0.1, betas=(0.9, 0.95), weight_ema=0.98
    )


# The waveform holds the phases, and mel spectrograms say what is heard. The logarithms of quiet bands have steep
# gradients: at ten times this share of them a training so short learns no waveform at all, SI-SDR −30 dB. Three scales
# instead of seven take a third of the time. Discriminators, which cost several times the network, are for longer
# trainings.
_SMALL_AUDIO_LOSS = AudioLossConfig(
    waveform_weight=50.0,
    mel_weight=0.1,
    mel_windows=(128, 512, 2048),
    mel_bands=(20, 80, 320),
    mel_magnitude_weight=0.0,
    gan="none",
    balanced=False,
    codebook_weight=0.25,
)


def _small_audio_training(images: int) -> TrainConfig:
    """Small batches learn the most from a sound, too."""
    return TrainConfig(
        images=images, batch_size=4, learning_rate=1e-3 / 4, warmup=0.1, betas=(0.8, 0.99), weight_ema=0.99
    )


def _llamagen(model: VQGANConfig) -> Settings:
    return Settings(
        data=DataConfig(image_size=256),
        model=model,
        dim=8,
        loss=LossConfig("l2", gan_weight=0.5, gan_start=20_000),
        train=_published(40 * 1_281_167, 128, 1e-4, betas=(0.9, 0.95), weight_ema=0.9999),
    )


PRESETS: dict[PresetName, Settings] = {
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
    # Yu et al. 2022, the small model, for `vq-cosine --bits 13 --options dim=32`; with the discriminator of all others
    # here, not StyleGAN's, without the logit-laplace term of weight 0.1 and without weight decay.
    "vit-vqgan": Settings(
        data=DataConfig(image_size=256),
        model=ViTConfig(width=512, layers=8, heads=8),
        dim=32,
        loss=LossConfig("l2", perceptual_weight=0.1, gan_weight=0.1, gan_start=0),
        train=_published(256 * 500_000, 256, 1e-4, warmup=0.1, final_rate=0.5, betas=(0.9, 0.99)),
    ),
    # Van den Oord et al. 2017, section 4.1, for `vq --bits 9`: 128 x 128 -> 32 x 32 codes.
    "vqvae": Settings(
        data=DataConfig(image_size=128),
        model=VQVAEConfig(),
        dim=64,
        loss=LossConfig("l2", perceptual="none", gan="none"),
        train=_published(128 * 250_000, 128, 2e-4),
    ),
    # Razavi et al. 2019, for `vq-ema --bits 9`: 256 x 256 -> 32 x 32 and 64 x 64 codes. Sizes and schedule are those of
    # the port in common use (rosinality), 560 epochs of ImageNet.
    "vqvae2": Settings(
        data=DataConfig(image_size=256),
        model=VQVAE2Config(),
        dim=64,
        loss=LossConfig("l2", perceptual="none", gan="none"),
        train=_published(560 * 1_281_167, 128, 3e-4),
    ),
    # Ramesh et al. 2021 (DALL-E), for `gumbel --bits 13 --options one_hot=True kl_weight=0.034375 kl_warmup=0.0041667
    # temperature_until=0.125`; up to the end of its cosine, and without weight decay.
    "dalle": Settings(
        data=DataConfig(image_size=256),
        model=DVAEConfig(),
        dim=128,
        loss=LossConfig("logit-laplace", perceptual="none", gan="none"),
        train=_published(512 * 1_200_000, 512, 1e-4, final_rate=0.0125, weight_ema=0.999),
    ),
    # Every part of a training on sounds in seconds: for tests, its numbers mean nothing.
    "speech-smoke": Settings(
        data=SoundConfig(crop_samples=3_840, limit_test=4, test_seconds=1.0),
        model=replace(SPEECH_16KHZ, width=8),
        dim=16,
        loss=replace(
            _SMALL_AUDIO_LOSS,
            waveform_weight=1.0,
            mel_weight=1.0,
            gan="hinge",
            gan_start=4,
            discriminator_width=4,
            balanced=True,
        ),
        train=TrainConfig(images=64, batch_size=8, learning_rate=1e-3 / 8, weight_ema=0.5),
    ),
    # Someone tries it: about four core-minutes, in which it does not yet learn what a transform can without a network.
    "speech-quick": Settings(
        data=SoundConfig(crop_samples=8_000, limit_test=24, test_seconds=4.0),
        model=SPEECH_16KHZ,
        dim=64,
        loss=_SMALL_AUDIO_LOSS,
        train=_small_audio_training(6_000),
    ),
    "speech-cpu": Settings(
        data=SoundConfig(crop_samples=8_000),
        model=SPEECH_16KHZ,
        dim=64,
        loss=_SMALL_AUDIO_LOSS,
        train=_small_audio_training(60_000),
    ),
    "music-cpu": Settings(
        data=SoundConfig(sample_rate=44_100, crop_samples=16_384, test_seconds=10.0),
        model=replace(SPEECH_16KHZ, strides=(2, 8)),
        dim=64,
        loss=_SMALL_AUDIO_LOSS,
        train=_small_audio_training(24_000),
    ),
    # Zeghidour et al. 2021, for `rq --options base=vq-ema shared=False dropout=1.0 codes_per_position=8`; with
    # EnCodec's discriminators and balanced losses, not the paper's own.
    "soundstream": Settings(
        data=SoundConfig(sample_rate=24_000, crop_samples=24_000),
        model=SOUNDSTREAM_24KHZ,
        dim=256,
        loss=AudioLossConfig(),
        train=_published(64 * 1_000_000, 64, 1e-4, betas=(0.5, 0.9)),
    ),
    # Défossez et al. 2022, the causal model for 24 kHz, for `rq --options base=vq-ema shared=False dropout=1.0
    # codes_per_position=32`; dropout there draws among four bitrates.
    "encodec-24khz": Settings(
        data=SoundConfig(sample_rate=24_000, crop_samples=24_000),
        model=ENCODEC_24KHZ,
        dim=128,
        loss=AudioLossConfig(),
        train=_published(64 * 300 * 2_000, 64, 3e-4, betas=(0.5, 0.9)),
    ),
    # Kumar et al. 2023, the model for 44.1 kHz, for `rq --options base=vq-cosine shared=False dropout=0.5
    # codes_per_position=9`; with a cosine in the place of the authors' exponential decay of the rate.
    "dac-44khz": Settings(
        data=SoundConfig(sample_rate=44_100, crop_samples=16_896),
        model=DAC_44KHZ,
        dim=1024,
        loss=AudioLossConfig(
            waveform_weight=0.0,
            mel_weight=15.0,
            mel_magnitude_weight=0.0,
            gan="least-squares",
            gan_weight=1.0,
            feature_weight=2.0,
            discriminators="period-band",
            balanced=False,
        ),
        train=_published(72 * 250_000, 72, 1e-4, betas=(0.8, 0.99)),
    ),
}

# The same of the other backbones: at the stride of the preset's VQGAN, and about as long to train.
SIZES: dict[BackboneName, dict[PresetName, BackboneConfig]] = {
    "vqgan": {},
    "vqvae": {
        "smoke": VQVAEConfig(width=16, residual_width=8, blocks=1, downsamplings=3),
        "quick": VQVAEConfig(width=256, residual_width=128, downsamplings=3),
        "cpu": VQVAEConfig(width=256, residual_width=128, downsamplings=3),
    },
    "vqvae2": {
        "smoke": VQVAE2Config(width=16, residual_width=8, blocks=1, downsamplings=3),
        "quick": VQVAE2Config(width=192, residual_width=96, downsamplings=3),
        "cpu": VQVAE2Config(width=192, residual_width=96, downsamplings=3),
    },
    "vit": {
        "smoke": ViTConfig(patch_size=8, width=32, layers=1, heads=2),
        "quick": ViTConfig(patch_size=8, width=192, layers=4, heads=6),
        "cpu": ViTConfig(patch_size=8, width=192, layers=4, heads=6),
    },
    "dvae": {
        "smoke": DVAEConfig(width=8, blocks=1, z_channels=8),
        "quick": DVAEConfig(width=64, blocks=1, z_channels=64),
        "cpu": DVAEConfig(width=64, blocks=1, z_channels=64),
    },
    # as many tokens as the grids of the others have positions
    "1d": {
        "smoke": TiTokConfig(patch_size=8, width=32, layers=1, heads=2, latent_tokens=16),
        "quick": TiTokConfig(patch_size=8, width=192, layers=3, heads=6, latent_tokens=16),
        "cpu": TiTokConfig(patch_size=8, width=192, layers=3, heads=6, latent_tokens=64),
    },
    "seanet": {},
    "dac": {
        "speech-smoke": DACConfig(width=4, strides=(4, 4, 4, 5), start="variance", decoder_width=32),
        "speech-quick": DACConfig(width=16, strides=(4, 4, 4, 5), start="variance", decoder_width=128),
        "speech-cpu": DACConfig(width=16, strides=(4, 4, 4, 5), start="variance", decoder_width=128),
    },
}


def preset_settings(preset: PresetName, backbone: BackboneName | None = None) -> Settings:
    """A preset with the sizes of a backbone, or as it is.

    Raises:
        ValueError: it has none for that backbone.
    """
    settings = PRESETS[preset]
    if backbone is None or backbone == settings.backbone:
        return settings
    if preset not in SIZES[backbone]:
        own = ", ".join(name for name in PRESETS if name in SIZES[backbone] or PRESETS[name].backbone == backbone)
        raise ValueError(f"the preset {preset} has no sizes for the backbone {backbone}, but these have: {own}")
    return replace(settings, model=SIZES[backbone][preset])


def changes(settings: Settings, preset: PresetName) -> dict[str, Any]:
    """The settings that differ from the preset's own, but for the data's source, which every table names."""
    own = effective(preset_settings(preset, settings.backbone))
    backbone = {} if settings.backbone == PRESETS[preset].backbone else {"backbone": settings.backbone}
    other = {name: value for name, value in effective(settings).items() if value != own[name] and name != "data.source"}
    return backbone | other


def command_line(run: RunConfig, changed: Mapping[str, Any]) -> str:
    """The command that makes this run again, its settings being the preset's but for those that are `changed`."""
    words = ["python", "-m", "benchmarks.run", "--quantizer", run.quantizer]
    words += ["--bits"] if run.bits is None else ["--bits", str(run.bits)]
    if run.options:
        words += ["--options", *(f"{name}={value!r}" for name, value in run.options.items())]
    words += ["--preset", run.preset, "--data", run.settings.data.source, "--seed", str(run.seed)]
    return as_command(*words, *as_flags(changed))
