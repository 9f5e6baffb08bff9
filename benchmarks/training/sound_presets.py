"""The presets of sounds: settings by name, and the sizes of other backbones in them."""

from __future__ import annotations

from dataclasses import replace

from autoencoders.audio.loss_config import AudioLossConfig
from autoencoders.audio.sizes import (
    DAC_44KHZ,
    ENCODEC_24KHZ,
    SOUNDSTREAM_24KHZ,
    SPEECH_16KHZ,
    DACConfig,
    MDCTConfig,
)
from autoencoders.sizes import BackboneConfig, BackboneName
from benchmarks.data.sounds.config import SoundConfig
from benchmarks.training.settings import PresetName, Settings, TrainConfig, published_training

# The waveform holds the phases, and mel spectrograms say what is heard. The logarithms of quiet bands have steep
# gradients: with as much weight as the waveform a training so short learns no waveform at all. Three scales instead of
# seven, and no discriminators, which cost several times the network, are for the time.
_SMALL_AUDIO_LOSS = AudioLossConfig(
    waveform_weight=50.0,
    mel_weight=0.5,
    mel_windows=(128, 512, 2048),
    mel_bands=(20, 80, 320),
    mel_magnitude_weight=0.0,
    gan="none",
    balanced=False,
    codebook_weight=0.25,
)


def _small_audio_training(images: int) -> TrainConfig:
    return TrainConfig(
        images=images, batch_size=8, learning_rate=1e-3 / 8, warmup=0.1, betas=(0.9, 0.95), weight_ema=0.99
    )


SOUND_PRESETS: dict[PresetName, Settings] = {
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
    # Someone tries it: one to three core-minutes.
    "speech-quick": Settings(
        data=SoundConfig(crop_samples=8_000, limit_test=24, test_seconds=4.0),
        model=MDCTConfig(blocks=0),
        dim=96,  # which 3, 6 and 12 codebooks of `pq` divide
        loss=_SMALL_AUDIO_LOSS,
        train=_small_audio_training(9_600),
    ),
    "speech-cpu": Settings(
        data=SoundConfig(crop_samples=8_000),
        model=MDCTConfig(),
        dim=96,
        loss=_SMALL_AUDIO_LOSS,
        train=_small_audio_training(96_000),
    ),
    "music-cpu": Settings(
        data=SoundConfig(sample_rate=44_100, crop_samples=16_384, test_seconds=10.0),
        model=MDCTConfig(block=512),
        dim=96,
        loss=_SMALL_AUDIO_LOSS,
        train=_small_audio_training(24_000),
    ),
    # Zeghidour et al. 2021, for `rq --options base=vq-ema dropout=1.0 codes_per_position=8`; with
    # EnCodec's discriminators and balanced losses, not the paper's own.
    "soundstream": Settings(
        data=SoundConfig(sample_rate=24_000, crop_samples=24_000),
        model=SOUNDSTREAM_24KHZ,
        dim=256,
        loss=AudioLossConfig(),
        train=published_training(64 * 1_000_000, 64, 1e-4, betas=(0.5, 0.9)),
    ),
    # Défossez et al. 2022, the causal model for 24 kHz, for `rq --options base=vq-ema dropout=1.0
    # codes_per_position=32`; dropout there draws among four bitrates.
    "encodec-24khz": Settings(
        data=SoundConfig(sample_rate=24_000, crop_samples=24_000),
        model=ENCODEC_24KHZ,
        dim=128,
        loss=AudioLossConfig(),
        train=published_training(64 * 300 * 2_000, 64, 3e-4, betas=(0.5, 0.9)),
    ),
    # Kumar et al. 2023, the model for 44.1 kHz, for `rq --options base=vq-cosine dropout=0.5 codes_per_position=9`;
    # with a cosine in the place of the authors' exponential decay of the rate.
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
        train=published_training(72 * 250_000, 72, 1e-4, betas=(0.8, 0.99)),
    ),
}

# The same of the other backbones: at the preset's strides, and about as long to train.
SOUND_SIZES: dict[BackboneName, dict[PresetName, BackboneConfig]] = {
    "seanet": {
        "speech-quick": SPEECH_16KHZ,
        "speech-cpu": SPEECH_16KHZ,
        "music-cpu": replace(SPEECH_16KHZ, strides=(2, 8)),
    },
    "mdct": {"speech-smoke": MDCTConfig(width=16)},
    "dac": {
        "speech-smoke": DACConfig(width=4, strides=(4, 4, 4, 5), start="variance", decoder_width=32),
        "speech-quick": DACConfig(width=16, strides=(4, 4, 4, 5), start="variance", decoder_width=128),
        "speech-cpu": DACConfig(width=16, strides=(4, 4, 4, 5), start="variance", decoder_width=128),
    },
}
