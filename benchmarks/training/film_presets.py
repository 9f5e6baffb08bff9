"""The presets of films: settings by name."""

from __future__ import annotations

from dataclasses import replace

from autoencoders.sizes import BackboneConfig, BackboneName
from autoencoders.video.loss_config import FilmLossConfig
from autoencoders.video.sizes import MAGVIT2_128, SMALL_64, SMALL_VIDTOK, VIDTOK_488
from benchmarks.data.films.config import FilmConfig
from benchmarks.training.settings import PresetName, Settings, TrainConfig, published_training

# As of small pictures: the squared error is what PSNR measures, and beside it the quantizer's loss counts as if the
# error were divided by the pixels' variance, about a quarter.
_SMALL_FILM_LOSS = FilmLossConfig("l2", codebook_weight=0.25, perceptual="none", gan="none", temporal_weight=0.0)


def _small_film_training(images: int) -> TrainConfig:
    """As of small pictures."""
    return TrainConfig(
        images=images, batch_size=4, learning_rate=2e-3 / 4, warmup=0.1, betas=(0.9, 0.95), weight_ema=0.98
    )


FILM_PRESETS: dict[PresetName, Settings] = {
    # Every part of a training on films in seconds: for tests, its numbers mean nothing.
    "video-smoke": Settings(
        data=FilmConfig(frame_size=32, clip_frames=9, limit_train=8, limit_test=4, clips_each=1),
        model=replace(SMALL_64, width=8),
        dim=8,
        loss=FilmLossConfig(
            perceptual="ms-ssim", gan="hinge", gan_start=4, discriminator_layers=2, discriminator_width=8
        ),
        train=TrainConfig(images=64, batch_size=8, learning_rate=2e-3 / 8, weight_ema=0.5),
    ),
    # Someone tries it: about four core-minutes.
    "video-quick": Settings(
        data=FilmConfig(frame_size=32),
        model=SMALL_64,
        dim=16,
        loss=_SMALL_FILM_LOSS,
        train=_small_film_training(9_600),
    ),
    "video-cpu": Settings(
        data=FilmConfig(frame_size=64),
        model=SMALL_64,
        dim=16,
        loss=_SMALL_FILM_LOSS,
        train=_small_film_training(19_200),
    ),
    # Yu et al. 2023 (MAGVIT-v2), for `lfq --bits 18`: 17 x 128 x 128 -> 5 x 16 x 16 codes. The losses' weights, the
    # form of the GAN and the rate are those that the replication hpcaitech/Open-Sora names as the paper's; batch and
    # Adam's betas could not be checked, and the length is ours. With an adaptive weight of the GAN and this project's
    # discriminator, without LeCAM, a gradient penalty and a model of pictures to start from.
    "magvit2": Settings(
        data=FilmConfig(frame_size=128),
        model=MAGVIT2_128,
        dim=18,
        loss=FilmLossConfig(
            "l2", perceptual_weight=0.1, gan="non-saturating", gan_weight=0.1, gan_start=0, temporal_weight=0.0
        ),
        train=published_training(256 * 300_000, 256, 1e-4, betas=(0.0, 0.99), weight_ema=0.999),
    ),
    # microsoft/VidTok, configs/vidtok_fsq_causal_488_262144.yaml and README.md, for `fsq --bits 18` (12 and 15 in the
    # other files): 17 x 128 x 128 at 3 frames a second -> 5 x 16 x 16 codes, the first of two stages. The second, of
    # the decoder alone on 256 px, is not here. The discriminator starts at 20,001 of a count that goes up by two a
    # batch (one for each optimizer; their source halves it elsewhere). Whether the 50,000 steps of batches of 16 are
    # of that count, too, could not be checked: here they are batches. Not the same: they crop the centre; sum the error
    # over a frame, over a learned scale, and the quantizer's loss counts beside that sum (of FSQ an entropy and a
    # commitment, which ours does not have); their discriminator judges single frames, under LeCAM; their generator's
    # loss is the cross entropy of a frame's mean logit; they cut gradients at a norm of 20.
    "vidtok-488": Settings(
        data=FilmConfig(frame_size=128, frames_per_second=3.0, flip=False),
        model=VIDTOK_488,
        dim=6,
        loss=FilmLossConfig(perceptual_weight=1.0, gan_weight=0.2, gan_start=10_001, temporal_weight=0.0),
        train=published_training(16 * 50_000, 16, 1e-5, precision="bf16"),
    ),
}

FILM_SIZES: dict[BackboneName, dict[PresetName, BackboneConfig]] = {
    "magvit2": {},
    "vidtok": {"video-smoke": replace(SMALL_VIDTOK, multipliers=(1, 1, 1, 2)), "video-quick": SMALL_VIDTOK},
}
