"""Opus and MP3: what is decoded stands where it stood, and costs what is said."""

import numpy as np
import pytest
import torch

from benchmarks.data.sounds.synthetic import make_speech
from benchmarks.protocols.audio.codecs import AUDIO_CODECS, AudioCodec, mp3, opus

RATES = [16_000, 24_000, 44_100, 48_000]


def sound(rate: int, channels: int = 1, seconds: float = 1.5) -> torch.Tensor:
    """Speech-like, with a click in the middle that tells where it stands; another voice in each channel."""
    voices = np.stack([make_speech(channel, 0)[: round(seconds * rate)] for channel in range(channels)])
    voices[:, voices.shape[1] // 2] = 0.9
    return torch.from_numpy(voices)


def lag(late: torch.Tensor, early: torch.Tensor) -> int:
    """Samples by which the cross-correlation says that one sound is later than another."""
    size = 2 * late.shape[1]
    spectra = [np.fft.rfft(each[0].numpy(), size) for each in (late, early)]
    place = int(np.fft.irfft(spectra[0] * np.conj(spectra[1]), size).argmax())
    return place if place < size // 2 else place - size


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", AUDIO_CODECS)
def test_decoded_sound_stands_where_it_stood_and_is_as_long(name: str, rate: int) -> None:
    codec = AUDIO_CODECS[name](32_000)
    for original in (sound(rate), sound(rate)[:, :-123]):
        decoded = codec.decode(codec.encode(original, rate).data, rate, original.shape[1])
        assert decoded.shape == original.shape
        assert decoded.dtype == torch.float32
        assert lag(decoded, original) == 0
        assert np.corrcoef(decoded[0], original[0])[0, 1] > 0.8


@pytest.mark.parametrize("name", AUDIO_CODECS)
def test_a_delay_would_be_seen(name: str) -> None:
    codec, original = AUDIO_CODECS[name](32_000), sound(16_000)
    decoded = codec.decode(codec.encode(original, 16_000).data, 16_000, original.shape[1])
    assert lag(torch.roll(decoded, 1, 1), original) == 1


@pytest.mark.parametrize("name", AUDIO_CODECS)
def test_stereo_comes_back_in_its_channels(name: str) -> None:
    original = sound(24_000, channels=2)
    codec = AUDIO_CODECS[name](96_000)
    decoded = codec.decode(codec.encode(original, 24_000).data, 24_000, original.shape[1])
    found = np.corrcoef(np.concatenate([decoded.numpy(), original.numpy()]))[:2, 2:]
    assert found.diagonal().min() > 0.9
    assert np.abs(found[[0, 1], [1, 0]]).max() < 0.5


@pytest.mark.parametrize(("codec", "rate"), [(mp3, 16_000), (mp3, 24_000), (opus, 12_000), (opus, 24_000)])
def test_bytes_are_near_the_bitrate_and_the_container_on_top(codec: type[AudioCodec], rate: int) -> None:
    original = sound(16_000, seconds=3)
    file = codec(rate).encode(original, 16_000)
    seconds = original.shape[1] / 16_000
    stream, whole = 8 * file.stream_bytes / seconds, 8 * len(file.data) / seconds
    assert 0.6 * rate < stream < 1.4 * rate  # Opus varies it, and the last frame of MP3 is not full
    assert 0 < whole - stream < 3000


def test_higher_bitrates_are_nearer() -> None:
    original = sound(16_000)
    for make in AUDIO_CODECS.values():
        errors = []
        for bitrate in (8_000, 24_000, 64_000):
            codec = make(bitrate)
            decoded = codec.decode(codec.encode(original, 16_000).data, 16_000, original.shape[1])
            errors.append((decoded - original).square().mean().item())
        assert errors == sorted(errors, reverse=True)


def test_short_and_silent_sounds_come_back_as_long() -> None:
    for make in AUDIO_CODECS.values():
        codec = make(24_000)
        for original in (torch.zeros(1, 16_000), sound(16_000)[:, :10], sound(16_000)[:, :1]):
            decoded = codec.decode(codec.encode(original, 16_000).data, 16_000, original.shape[1])
            assert decoded.shape == original.shape
            assert decoded.isfinite().all()


def test_a_sound_at_an_odd_rate_goes_to_the_next_higher() -> None:
    assert [opus(1)._rate(rate) for rate in (8_000, 11_025, 22_050, 44_100, 96_000)] == [
        8_000,
        12_000,
        24_000,
        48_000,
        48_000,
    ]
    assert set(opus(1).software) == {"av", "libavcodec"}
