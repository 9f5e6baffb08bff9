"""Films as files: what is measured of them, in bounded memory."""

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
import torch
from small_films import SMALL, films as noise, tokenizer

from benchmarks.data.films.moving import RATE, SIDE, open_moving
from benchmarks.data.films.reading import Sampling
from benchmarks.data.films.whole import Film
from benchmarks.metrics.pictures import to_uint8
from benchmarks.protocols.compression import film_fidelity
from benchmarks.protocols.compression.film_codecs import FixedFactor
from benchmarks.protocols.compression.film_fidelity import FilmFileFidelity
from benchmarks.protocols.compression.films import FilmCodec
from benchmarks.protocols.compression.measure import coded, means, model_bits, peak_memory
from benchmarks.protocols.video.codecs import h264
from benchmarks.protocols.video.evaluation import evaluate_codec
from priors.code_models import FixedLength
from quantizers import create_quantizer

CPU = torch.device("cpu")


def film_of(frames: np.ndarray, rate: Fraction = Fraction(12)) -> Film:
    return Film(frames.shape[:3], rate, lambda: iter(frames))


def smooth(count: int, height: int, width: int) -> np.ndarray:
    signal = noise(1, count, max(height, width))[0, :, :, :height, :width].movedim(0, 1)
    return to_uint8(signal).movedim(1, 3).numpy()


@pytest.fixture
def codec() -> FilmCodec:
    return FilmCodec(tokenizer(SMALL, create_quantizer("fsq", bits=8)).float().eval(), FixedLength(), 9)


def test_a_film_has_the_video_protocols_numbers_and_its_files_rate() -> None:
    """Those of the same clip there, though frames come one by one and are compared a few at a time."""
    frames = open_moving("photographs").test.frames(2, Sampling(RATE / 3, SIDE), 0, 8)[:, :45, :61]
    fidelity, coder = FilmFileFidelity(CPU), FixedFactor(h264(32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(film_fidelity, "PIXELS_AT_ONCE", 3 * 45 * 61)
        numbers = coded(coder, film_of(frames), fidelity)
    clip = torch.from_numpy(frames).permute(3, 0, 1, 2).contiguous()
    expected = evaluate_codec(h264(32), [(0, clip)], 12.0)
    for metric in ("psnr", "ssim", "psnr_clip", "flicker"):
        assert numbers[metric] == pytest.approx(expected.metrics[metric], abs=1e-6)
    assert math.isnan(numbers["ms_ssim"])
    assert numbers["kbps"] == pytest.approx(8 * numbers["bytes"] / (8 / 12) / 1000)
    assert numbers["kbps"] == pytest.approx(expected.metrics["kbps_file"])
    assert numbers["bpp"] == pytest.approx(8 * numbers["bytes"] / (8 * 45 * 61))
    assert numbers["encode_frames_per_second"] > 0 < numbers["decode_frames_per_second"]
    metrics, missing = means({name: np.array([value]) for name, value in numbers.items()}, fidelity.mean)
    assert metrics["ms_ssim"] is None
    assert missing == {"ms_ssim": "1 of 1 films have a side under 176 pixels"}


def test_a_tokenizers_file_holds_the_film_as_the_tokenizer_gives_it(codec: FilmCodec) -> None:
    frames = smooth(7, 17, 30)
    film = codec.decode(codec.encode(film_of(frames, Fraction(30_000, 1_001))))
    assert (film.extent, film.rate) == ((7, 17, 30), Fraction(30_000, 1_001))
    signal = torch.from_numpy(frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    places = (torch.arange(wanted).clamp_max(last) for wanted, last in ((7, 6), (20, 16), (32, 29)))
    for axis, of_axis in enumerate(places, 2):
        signal = signal.index_select(axis, of_axis)
    with torch.no_grad():
        expected = codec.tokenizer.decode(codec.tokenizer.encode(signal))[0, :, :7, :17, :30].movedim(0, 1)
    found = np.stack([*film.frames()])
    np.testing.assert_allclose(found, to_uint8(expected).movedim(1, 3).numpy(), atol=1)
    assert np.array_equal(found, np.stack([*film.frames()]))


def test_no_more_than_a_part_of_a_film_is_read_at_once(codec: FilmCodec) -> None:
    drawn = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal drawn
        while True:
            drawn += 1
            yield np.zeros((512, 512, 3), np.uint8)

    film = Film((10**6, 512, 512), Fraction(12), endless)
    codes = codec.codes(film)
    for parts in (1, 2):
        next(codes)
        assert drawn == 4 * parts + 1  # 2^20 pixels, and the first frame


def test_bits_are_those_of_all_parts_and_time_and_memory_of_the_coder_alone(codec: FilmCodec) -> None:
    film = film_of(smooth(5, 20, 24))
    (codes,) = codec.codes(film)
    bits = codes[0].numel() * math.log2(codec.tokenizer.quantizers[0].codebook_size)
    assert model_bits(codec, None, film)["model_bits"] == pytest.approx(bits)
    codec.clip_frames = 2
    fidelity = FilmFileFidelity(CPU)
    through = fidelity.through(codec, film)
    assert through.encode_seconds > 0 < through.decode_seconds
    peak = peak_memory(codec, film, fidelity)
    assert peak is None or peak >= 0


def test_a_film_that_came_back_shorter_or_smaller_is_no_reconstruction() -> None:
    fidelity, frames = FilmFileFidelity(CPU), smooth(4, 20, 24)
    for other in (frames[:3], frames[:, :19], frames[:, :, :20]):
        with pytest.raises(ValueError, match="came back with fewer"):
            fidelity(film_of(other), film_of(frames))
    assert fidelity(film_of(frames), film_of(frames))["psnr_clip"] == 100
    assert math.isnan(fidelity(film_of(frames[:1]), film_of(frames[:1]))["flicker"])
