"""From film files to frames: colours against the matrices in float64 and FFmpeg's own filters, times, turns, damage."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.filter import Graph
from film_files import frame_of, grey_film, number_in, numbered, write_film, yuv_to_rgb
from PIL import Image

from benchmarks.data.films.reading import Sampling, read_frames, read_head, shown_at, to_rgb

RNG = np.random.default_rng(0)


def noise(bits: int = 8, height: int = 48, width: int = 64, full: bool = False) -> list[np.ndarray]:
    """(Y, Cb, Cr) at every pixel, over all of the range."""
    low, high, colour = (0, 2**bits, 2**bits) if full else tuple(n << bits - 8 for n in (16, 236, 241))
    return [
        RNG.integers(low, high, (height, width)),
        *(RNG.integers(0 if full else low, colour, (height, width)) for _ in range(2)),
    ]


def first(path: Path) -> av.VideoFrame:
    with av.open(str(path)) as file:
        return next(file.decode(video=0))


@pytest.mark.parametrize(("pixels", "bits"), [("yuv444p", 8), ("yuv444p10le", 10)])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", None])
def test_colours_are_those_of_the_matrix(
    tmp_path: Path, pixels: str, bits: int, full: bool, matrix: str | None
) -> None:
    planes = noise(bits, full=full)
    path = write_film(tmp_path / "a.mp4", [frame_of(planes, pixels, matrix, full)] * 3)
    found = to_rgb(first(path))
    error = found - yuv_to_rgb(planes, matrix or "bt601", full=full, bits=bits)
    # Of 10 bits at full range swscale takes the quarter of a number for that of 8: up to 255.75 instead of 255.
    assert np.abs(error).max() <= (1.25 if full and bits == 10 else 0.52)
    read = read_frames(path, Sampling(12, 48), 1, 1)[0]
    assert np.array_equal(read, found)


@pytest.mark.parametrize(("pixels", "bits"), [("yuv420p", 8), ("yuv422p", 8), ("yuv420p10le", 10)])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
def test_less_chroma_darkens_nothing(tmp_path: Path, pixels: str, bits: int, matrix: str) -> None:
    """The plain conversion is one to two levels too dark."""
    ramp = (np.linspace(60, 190, 48 * 64).reshape(48, 64) * 2 ** (bits - 8)).round()
    planes = [ramp, *(np.full((48, 64), level << bits - 8) for level in (100, 150))]
    frame = first(write_film(tmp_path / "a.mp4", [frame_of(planes, pixels, matrix)] * 2))
    expected = yuv_to_rgb(planes, matrix, full=False, bits=bits)
    assert np.abs(to_rgb(frame) - expected).max() <= 0.52
    assert (frame.to_ndarray(format="rgb24") - expected).mean() < -0.3


def filtered(frame: av.VideoFrame) -> np.ndarray:
    """A frame in RGB by FFmpeg's scale filter; its chroma stands where H.264 has it if nothing else is said."""
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or av.time_base
    )
    scale = graph.add("scale", "in_chroma_loc=left:flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp")
    form, sink = graph.add("format", "pix_fmts=rgb24"), graph.add("buffersink")
    for one, other in ((source, scale), (scale, form), (form, sink)):
        one.link_to(other)
    graph.configure()
    graph.push(frame)
    return graph.pull().to_ndarray()


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p10le", "yuv444p"])
@pytest.mark.parametrize("full", [False, True])
def test_it_is_the_conversion_of_ffmpegs_own_filter(tmp_path: Path, pixels: str, full: bool) -> None:
    planes = noise(10 if "10" in pixels else 8, full=full)
    path = write_film(tmp_path / "a.mp4", [frame_of(planes, pixels, "bt709", full)] * 2)
    assert np.array_equal(to_rgb(first(path)), filtered(first(path)))


def test_chroma_stands_where_it_is_said_to(tmp_path: Path) -> None:
    """Of H.264 without further words, at the left pixel of each pair; half a pixel off the error is ten times this."""
    grey, pixels = np.full((48, 64), 128), np.arange(64)
    wave = np.broadcast_to(128 + 60 * np.sin(2 * np.pi * pixels / 32), (48, 64))
    path = write_film(tmp_path / "a.mp4", [frame_of([grey, grey, wave.round()], "yuv420p", "bt709")] * 2)
    error = to_rgb(first(path)) - yuv_to_rgb([grey, grey, wave], "bt709", full=False)
    assert np.abs(error[:, 8:-8]).max() < 1.2


def test_odd_sizes(tmp_path: Path) -> None:
    planes = noise(height=45, width=61)
    path = write_film(tmp_path / "a.mp4", [frame_of(planes, "yuv444p", "bt601")] * 2)
    assert read_head(path).size == (61, 45)
    found = read_frames(path, Sampling(12, 45), 0, 2)
    assert found.shape == (2, 45, 61, 3)
    assert np.abs(found[0] - yuv_to_rgb(planes, "bt601", full=False)).max() <= 0.52
    assert read_frames(path, Sampling(12, 30), 0, 1).shape == (1, 30, 41, 3)


def test_a_smaller_frame_is_resized_as_a_picture(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", [frame_of(noise(), "yuv444p")] * 2)
    whole = Image.fromarray(read_frames(path, Sampling(12, 48), 0, 1)[0])
    expected = np.asarray(whole.resize((32, 24), Image.Resampling.BICUBIC))
    assert np.array_equal(read_frames(path, Sampling(12, 24), 0, 1)[0], expected)
    with pytest.raises(ValueError, match="64 × 48 px, the short side is under 49"):
        read_frames(path, Sampling(12, 49), 0, 1)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "avi"])
def test_frames_are_found_wherever_one_begins(tmp_path: Path, suffix: str) -> None:
    path = grey_film(tmp_path / f"a.{suffix}", 40)
    head = read_head(path)
    assert (head.own, head.frames(12), head.frames(24), head.frames(5)) == (40, 40, 80, 16)
    for start in (0, 1, 5, 6, 7, 13, 23, 24, 39):  # a key frame is each sixth
        found = read_frames(path, Sampling(12, 48), start, 40 - start)
        assert [number_in(frame) for frame in found] == list(range(start, 40))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_frames_of_open_groups_are_found(tmp_path: Path, suffix: str) -> None:
    """Whose key frames do not begin anew: those behind them may refer to those before."""
    options = {"qp": "1", "g": "12", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}
    path = grey_film(tmp_path / f"a.{suffix}", 40, options=options)
    for start in (11, 12, 13, 20, 25):
        found = read_frames(path, Sampling(12, 48), start, 4)
        assert [number_in(frame) for frame in found] == list(range(start, start + 4))


def test_another_rate_takes_each_third_or_repeats(tmp_path: Path) -> None:
    path = grey_film(tmp_path / "a.mp4", 40)
    assert [number_in(frame) for frame in read_frames(path, Sampling(4, 48), 2, 5)] == [6, 9, 12, 15, 18]
    assert [number_in(frame) for frame in read_frames(path, Sampling(24, 48), 3, 5)] == [1, 2, 2, 3, 3]
    assert [number_in(frame) for frame in read_frames(path, Sampling(7.5, 48), 0, 6)] == [0, 1, 3, 4, 6, 8]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_variable_rate_is_followed(tmp_path: Path, suffix: str) -> None:
    times = [0, 50, 100, 150, 700, 750, 1500, 1550, 1600]  # milliseconds
    path = grey_film(tmp_path / f"a.{suffix}", 9, times=times)
    expected = [sum(time <= 100 * moment for time in times) - 1 for moment in range(16)]
    assert [number_in(frame) for frame in read_frames(path, Sampling(10, 48), 0, 16)] == expected
    assert [number_in(frame) for frame in read_frames(path, Sampling(10, 48), 7, 9)] == expected[7:]


def test_times_that_the_container_rounds_take_no_other_frame(tmp_path: Path) -> None:
    """Matroska has milliseconds: of 30 frames a second the third stands at 67 instead of 66.7."""
    path = grey_film(tmp_path / "a.mkv", 50, rate=30)
    assert [number_in(frame) for frame in read_frames(path, Sampling(30, 48), 0, 50)] == list(range(50))


def test_a_frame_stays_until_the_next_appears() -> None:
    frames = [(0.0, "a"), (1.0, "b"), (1.5, "c")]

    class At(tuple):
        seconds = property(lambda self: self[0])
        frame = property(lambda self: self[1])

    shown = list(shown_at(map(At, frames), [0.0, 0.99, 1.0, 1.4, 1.49, 9.0], 0.02))
    assert shown == ["a", "b", "b", "b", "c", "c"]
    with pytest.raises(ValueError, match="no frame"):
        list(shown_at([], [0.0]))


def turned(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Write the matrix of a QuickTime track (ISO 14496-12, 6.2.2): x, y go to a·x + c·y, b·x + d·y."""
    data = bytearray(path.read_bytes())
    track = data.index(b"tkhd") + 4
    matrix = track + (40 if data[track] == 0 else 52)
    for place, value in zip((0, 1, 3, 4), (a, b, c, d), strict=True):
        data[matrix + 4 * place : matrix + 4 * place + 4] = (value << 16 & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), lambda frame: frame),
        ((0, 1, -1, 0), lambda frame: frame[::-1].swapaxes(0, 1)),  # x, y to -y, x: clockwise
        ((-1, 0, 0, -1), lambda frame: frame[::-1, ::-1]),
        ((0, -1, 1, 0), lambda frame: frame.swapaxes(0, 1)[::-1]),
    ],
)
def test_a_film_that_lies_on_its_side_is_turned(tmp_path: Path, matrix: tuple[int, ...], expected) -> None:
    path = write_film(tmp_path / "a.mp4", [frame_of(noise(), "yuv444p")] * 2)
    upright = to_rgb(first(path))
    turned(path, *matrix)
    found = read_frames(path, Sampling(12, 48), 0, 1)[0]
    assert np.array_equal(found, expected(upright))


def test_pixels_that_are_not_square_are_shown_square(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mkv", [frame_of(noise(), "yuv444p")] * 2, aspect=(3, 2))
    assert read_head(path).size == (96, 48)
    assert read_frames(path, Sampling(12, 24), 0, 1).shape == (1, 24, 48, 3)


@pytest.mark.parametrize(("number", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused(tmp_path: Path, number: int, name: str) -> None:
    frames = [frame_of(noise(10), "yuv420p10le", "bt2020") for _ in range(2)]
    for frame in frames:
        frame.color_trc = number
    path = write_film(tmp_path / "a.mp4", frames)
    with pytest.raises(ValueError, match=rf"HDR \({name}\)"):
        read_frames(path, Sampling(12, 48), 0, 1)


def remuxed(path: Path, to: Path, **options: str) -> Path:
    with av.open(str(path)) as old, av.open(str(to), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return to


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    path = write_film(folder / "a.mp4", [frame_of(noise(), "yuv420p") for _ in range(40)])
    remuxed(path, folder / "fast.mp4", movflags="faststart")
    remuxed(path, folder / "a.mkv")
    return folder


@pytest.mark.parametrize(
    ("name", "words"), [("a.mp4", "damaged at its begin"), ("fast.mp4", "cut off"), ("a.mkv", "cut off")]
)
def test_a_film_that_is_cut_off_is_refused(good: Path, tmp_path: Path, name: str, words: str) -> None:
    data = (good / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=words):
        read_head(tmp_path / name)
    assert read_head(good / name).own == 40


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_film_with_damaged_frames_is_refused(good: Path, tmp_path: Path, name: str) -> None:
    data = bytearray((good / name).read_bytes())
    for place in range(len(data) // 4, 3 * len(data) // 4, 97):
        data[place] ^= 0x55
    (tmp_path / name).write_bytes(bytes(data))
    with pytest.raises(ValueError, match="damaged"):
        read_frames(tmp_path / name, Sampling(12, 48), 0, 40)


@pytest.mark.parametrize(
    "content",
    [b"", b"no film", b"ffconcat version 1.0\nfile a.mp4\n", b"#EXTM3U\n#EXTINF:9,\na.mp4\n#EXT-X-ENDLIST\n"],
)
def test_what_is_no_film_is_refused_whatever_its_name(good: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes((good / "a.mp4").read_bytes())
    (tmp_path / "list.mp4").write_bytes(content)
    with pytest.raises(ValueError, match=r"no film in a known format|empty") as raised:
        read_head(tmp_path / "list.mp4")
    assert str(tmp_path) not in str(raised.value)


def test_a_file_with_sound_alone_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.float32), "fltp", "mono")
        frame.sample_rate = 16_000
        file.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(ValueError, match="no pictures"):
        read_head(tmp_path / "a.mp4")


def test_numbers_in_frames_can_be_told_apart() -> None:
    assert [number_in(frame) for frame in numbered(50)] == list(range(50))
