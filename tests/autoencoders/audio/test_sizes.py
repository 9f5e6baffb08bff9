from dataclasses import replace

import pytest

from autoencoders.audio import sizes
from autoencoders.audio.sizes import (
    DAC_16KHZ,
    DAC_24KHZ,
    DAC_44KHZ,
    ENCODEC_24KHZ,
    ENCODEC_48KHZ,
    SOUNDSTREAM_16KHZ,
    SOUNDSTREAM_24KHZ,
    SPEECH_16KHZ,
    CodecConfig,
    DACConfig,
    MDCTConfig,
    SEANetConfig,
)


@pytest.mark.parametrize(
    ("config", "stride", "frame_rate"),
    [
        (SPEECH_16KHZ, 320, 50),
        (SOUNDSTREAM_16KHZ, 320, 50),
        (SOUNDSTREAM_24KHZ, 320, 75),
        (ENCODEC_24KHZ, 320, 75),
        (ENCODEC_48KHZ, 320, 150),
        (DAC_16KHZ, 320, 50),
        (DAC_24KHZ, 320, 75),
        (DAC_44KHZ, 512, 44_100 / 512),
    ],
)
def test_rates_of_the_published_models(config: CodecConfig, stride: int, frame_rate: float) -> None:
    assert config.stride == stride
    assert config.frame_rate == frame_rate
    assert sum(config is value for value in vars(sizes).values()) == 1


def test_widths() -> None:
    assert SEANetConfig().widths == (32, 64, 128, 256, 512)
    assert DACConfig().widths == (64, 128, 256, 512, 1024)


@pytest.mark.parametrize(
    ("config", "changes", "message"),
    [
        (SEANetConfig(), {"sample_rate": 0}, "sample_rate must be an integer from 1"),
        (SEANetConfig(), {"in_channels": 0}, "in_channels must be an integer from 1"),
        (SEANetConfig(), {"strides": ()}, "strides must be one or more"),
        (SEANetConfig(), {"strides": (2, 0)}, "strides must be an integer from 1"),
        (SEANetConfig(), {"lstm_layers": -1}, "lstm_layers must be an integer from 0"),
        (SEANetConfig(), {"width": 33}, "width must be a multiple of compress 2, got 33"),
        (SEANetConfig(), {"width": 2**18}, "width doubled by each of the strides must be at most"),
        (SEANetConfig(), {"norm": "time-group"}, "norm must be weight or none where causal is true"),
        (SEANetConfig(), {"stem": 0}, "stem must be an integer from 1"),
        (DACConfig(), {"decoder_width": 1500}, "decoder_width must be a multiple of 16, for each of the 4 strides"),
        (DACConfig(), {"dilations": ()}, "dilations must be one or more"),
        (MDCTConfig(), {"block": 321}, "block must be even, got 321"),
    ],
)
def test_impossible_config(config: CodecConfig, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(config, **changes)
