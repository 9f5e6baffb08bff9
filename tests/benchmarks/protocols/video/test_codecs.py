"""H.264, HEVC and AV1: what is decoded stands where and when it stood, in its colours, and costs what is said."""

import os
import re
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from film_files import yuv_to_rgb

from benchmarks import protocols
from benchmarks.data.films.moving import RATE, SIDE, open_moving
from benchmarks.data.films.reading import Sampling
from benchmarks.protocols.video.codecs import AV1_QUALITIES, FILM_CODECS, H264_QUALITIES, FilmCodec, av1, h264, hevc
from benchmarks.protocols.video.fidelity import psnr_clip

each = pytest.mark.parametrize("name", FILM_CODECS)
GOOD = {"h264": 10, "hevc": 10, "av1": 12}


def scene(frames: int = 8, height: int = 64, width: int = 80) -> torch.Tensor:
    """A clip of photographs that move."""
    found = open_moving("photographs").test.frames(2, Sampling(RATE / 3, SIDE), 0, frames)
    return torch.from_numpy(found[:, :height, :width]).permute(3, 0, 1, 2).contiguous()


def through(codec: FilmCodec, clip: torch.Tensor) -> torch.Tensor:
    return codec.decode(codec.encode(clip, 12.0).data, tuple(clip.shape[1:]))


def decibels(made: torch.Tensor, wanted: torch.Tensor) -> float:
    return psnr_clip(made.movedim(1, 0), wanted.movedim(1, 0))


@each
@pytest.mark.parametrize("extent", [(8, 64, 80), (5, 45, 61), (1, 64, 64)])
def test_a_clip_comes_back_as_large_where_and_when_it_stood(name: str, extent: tuple[int, int, int]) -> None:
    clip = scene(*extent)
    made = through(FILM_CODECS[name](GOOD[name]), clip)
    assert made.shape == clip.shape
    assert made.dtype == torch.uint8
    right = decibels(made, clip)
    assert right > 27
    for axis in (2, 3) if extent[0] == 1 else (1, 2, 3):
        assert decibels(made.roll(1, axis), clip) < right - 3


@each
def test_colours_come_back(name: str) -> None:
    """Flat ones, which half the chroma costs nothing: within the rounding of 8 bits there and back, and the codec's."""
    for colour in ((200, 30, 40), (20, 180, 60), (30, 60, 210), (128, 128, 128), (250, 250, 250), (4, 4, 4)):
        clip = torch.tensor(colour, dtype=torch.uint8)[:, None, None, None].expand(3, 3, 32, 32)
        error = through(FILM_CODECS[name](GOOD[name]), clip).double() - clip
        assert error.abs().max() <= 4
        assert error.mean((1, 2, 3)).abs().max() <= 2.5


@each
def test_the_film_is_tagged_as_what_it_is(name: str) -> None:
    """BT.709 and limited, which the planes are: any player shows it in its colours."""
    clip = torch.tensor((200, 30, 40), dtype=torch.uint8)[:, None, None, None].expand(3, 2, 32, 32)
    with av.open(BytesIO(FILM_CODECS[name](GOOD[name]).encode(clip, 12.0).data)) as file:
        frame = next(file.decode(video=0))
        assert float(file.streams.video[0].average_rate) == 12
    assert (frame.colorspace, frame.color_range, frame.format.name) == (1, 1, "yuv420p")
    planes = [np.array([[np.frombuffer(plane, np.uint8)[0]]]) for plane in frame.planes]
    assert np.abs(yuv_to_rgb(planes, "bt709", full=False) - (200, 30, 40)).max() <= 4


@each
def test_lower_quality_costs_less_and_shows(name: str) -> None:
    clip = scene()
    sizes, errors = [], []
    for quality in AV1_QUALITIES if name == "av1" else H264_QUALITIES:
        file = FILM_CODECS[name](quality).encode(clip, 12.0)
        assert 0 < len(file.data) - file.stream_bytes < 5000
        sizes.append(file.stream_bytes)
        errors.append(decibels(FILM_CODECS[name](quality).decode(file.data, (8, 64, 80)), clip))
    assert sizes == sorted(sizes, reverse=True)
    assert errors == sorted(errors, reverse=True)
    assert sizes[0] > 3 * sizes[-1]


@each
def test_a_clip_is_coded_alike_each_time(name: str) -> None:
    """Which the usual settings of x264 and x265 do not do with such small frames."""
    codec, clip = FILM_CODECS[name](25), scene(11, 64, 64)
    assert len({codec.encode(clip, 12.0).data for _ in range(12)}) == 1


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="Linux alone has such priorities")
@each
def test_coding_leaves_the_process_its_priority(name: str) -> None:
    """Which SVT-AV1 changes where it may: findings/av1-encoder-takes-the-machine.sh."""
    FILM_CODECS[name](25).encode(scene(2, 64, 64), 12.0)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_settings_stand_in_the_protocol() -> None:
    text = (Path(protocols.__file__).parent / "video.md").read_text(encoding="utf-8")
    for make, name in ((h264, "h264"), (hevc, "hevc"), (av1, "av1")):
        (row,) = re.findall(rf"^\| `{name}` .*$", text, re.MULTILINE)
        assert f"preset={make(1).options['preset']}" in row
    assert "18, 25, 32 and 39" in text
    assert H264_QUALITIES == (18, 25, 32, 39)
    assert "20, 33, 46 and 59" in text
    assert AV1_QUALITIES == (20, 33, 46, 59)
    assert set(h264(1).software) == {"av", "libavcodec"}
