"""The published tokenizers of sounds that can be loaded: what each is, and where its weights are.

Apart from the networks and from what reads the files, as `picture_zoo`.
"""

from __future__ import annotations

from autoencoders.audio.sizes import (
    DAC_16KHZ,
    DAC_24KHZ,
    DAC_44KHZ,
    ENCODEC_24KHZ,
    ENCODEC_48KHZ,
    CodecConfig,
    DACConfig,
)
from autoencoders.pretrained.model import HUB, Loader, Pretrained, Sounds
from autoencoders.pretrained.sizes import MimiConfig, SNACConfig


def _encodec(
    name: str, config: CodecConfig, codes_per_position: int, load: str, codes_per_second: float, more: str = ""
) -> Pretrained:
    return Pretrained(
        name=f"encodec-{name}-1024x{codes_per_position}",
        load=Loader.of(f"encodec:{load}", config=config, codes_per_position=codes_per_position),
        signals=Sounds(config.sample_rate, config.in_channels, codes_per_second),
        codes=f"1024, {codes_per_position} for a position{more}",
        paper="Défossez et al. 2022, arXiv:2210.13438",
        licence="MIT (the code's; CC-BY-NC-4.0 in the package 0.1.1)",
        source=f"https://github.com/facebookresearch/encodec: {ENCODEC_FILES[name]} at "
        f"https://dl.fbaipublicfiles.com/encodec/v0/, or {HUB}/facebook/encodec_{name}: model.safetensors",
        verified="latents, codes and sounds on random weights, with transformers' EncodecModel",
    )


ENCODEC_FILES = {"24khz": "encodec_24khz-d7cc33bc.th", "48khz": "encodec_48khz-7e698e3e.th"}

ENCODEC = (
    _encodec("24khz", ENCODEC_24KHZ, 32, "load_encodec", 32 * ENCODEC_24KHZ.frame_rate),
    _encodec(
        "48khz",
        ENCODEC_48KHZ,
        16,
        "load_encodec_in_segments",
        (16 * ENCODEC_48KHZ.frame_rate + 4) / 0.99,  # of segments of a second, which begin 0.99 s apart
        ", and 4 for the scale of a second",
    ),
)


def _dac(name: str, config: DACConfig, codes_per_position: int, file: str) -> Pretrained:
    return Pretrained(
        name=f"dac-{name}-1024x{codes_per_position}",
        load=Loader.of("dac:load_dac", config=config, codes_per_position=codes_per_position),
        signals=Sounds(config.sample_rate, config.in_channels, codes_per_position * config.frame_rate),
        codes=f"1024, {codes_per_position} for a position",
        paper="Kumar et al. 2023, arXiv:2306.06546",
        licence="MIT",
        source=f"https://github.com/descriptinc/descript-audio-codec: {file} among the releases, or "
        f"{HUB}/descript/dac_{name}: model.safetensors",
        verified="latents, codes and sounds on random weights, with transformers' DacModel",
    )


DAC = (
    _dac("16khz", DAC_16KHZ, 12, "0.0.5, weights_16khz.pth"),
    _dac("24khz", DAC_24KHZ, 32, "0.0.4, weights_24khz.pth"),
    _dac("44khz", DAC_44KHZ, 9, "0.0.1, weights.pth"),
)
"""Not the other one for 44.1 kHz, of 16 kbit/s, whose sizes stand in its file only."""


def _snac(name: str, config: SNACConfig) -> Pretrained:
    return Pretrained(
        name=f"snac-{name}-4096",
        load=Loader.of("snac:load_snac", config=config),
        signals=Sounds(
            config.sample_rate, config.in_channels, sum(config.frame_rate / stride for stride in config.map_strides)
        ),
        codes=f"4096, {len(config.map_strides)} maps of strides {', '.join(map(str, config.map_strides))}",
        paper="Siuzdak et al. 2024, arXiv:2410.14411",
        licence="MIT",
        source=f"{HUB}/hubertsiuzdak/snac_{name}: pytorch_model.bin",
        verified="latents, codes and sounds on random weights, with the authors' package snac",
    )


SNAC = (
    _snac(
        "24khz",
        SNACConfig(
            24_000,
            width=48,
            strides=(2, 4, 8, 8),
            decoder_width=1024,
            map_strides=(4, 2, 1),
            attention_window=None,
        ),
    ),
    _snac("32khz", SNACConfig(32_000, strides=(2, 3, 8, 8))),
    _snac("44khz", SNACConfig(44_100, strides=(2, 3, 8, 8))),
)
"""By the sizes in the config.json beside each."""


MIMI_SIZES = MimiConfig()

MIMI = (
    Pretrained(
        name="mimi-24khz-2048x32",
        load=Loader.of("mimi:load_mimi"),
        signals=Sounds(
            MIMI_SIZES.seanet.sample_rate,
            MIMI_SIZES.seanet.in_channels,
            MIMI_SIZES.codes_per_position * MIMI_SIZES.seanet.sample_rate / MIMI_SIZES.stride,
        ),
        codes="2048, 32 for a position",
        paper="Défossez et al. 2024, arXiv:2410.00037",
        licence="CC-BY-4.0",
        source=f"{HUB}/kyutai/mimi: model.safetensors",
        verified="latents, codes and sounds on random weights, with transformers' MimiModel",
    ),
)
"""Moshi codes with the first 8."""

SOUND_ZOO = (*ENCODEC, *DAC, *SNAC, *MIMI)
"""By code base."""
