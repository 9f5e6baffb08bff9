"""What is measured of whole files, and how it becomes a point."""

import math
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.data.sounds.synthetic import make_speech
from benchmarks.data.transforms import to_tensor
from benchmarks.metrics.pictures import psnr
from benchmarks.metrics.ssim import ms_ssim, ssim
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.audio import fidelity as audio_fidelity
from benchmarks.protocols.audio.codecs import opus
from benchmarks.protocols.audio.evaluation import evaluate_codec
from benchmarks.protocols.compression import picture_fidelity
from benchmarks.protocols.compression.codecs import CODECS
from benchmarks.protocols.compression.measure import coded, means, peak_memory
from benchmarks.protocols.compression.picture_fidelity import PictureFidelity
from benchmarks.protocols.compression.sound_codecs import FixedBitrate
from benchmarks.protocols.compression.sound_fidelity import SoundFileFidelity
from benchmarks.records.compression import PROTOCOL

DOCUMENT = Path(__file__).parents[4] / "benchmarks" / "protocols" / "compression.md"
CPU = torch.device("cpu")


def _picture(width: int, height: int) -> Image.Image:
    coarse = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def fidelity() -> PictureFidelity:
    return PictureFidelity(MetricWeights(), CPU)


def test_the_file_counts_whole_and_the_picture_as_it_came_back(fidelity: PictureFidelity) -> None:
    original, coder = _picture(200, 180), CODECS["jpeg"].at(20)
    data = coder.encode(original)
    numbers = coded(coder, original, fidelity)
    assert numbers["bytes"] == len(data)
    assert numbers["bpp"] == pytest.approx(8 * len(data) / (200 * 180))
    with Image.open(BytesIO(data)) as opened:
        pair = [to_tensor(picture).unsqueeze(0) for picture in (opened.convert("RGB"), original)]
    for metric in (psnr, ssim, ms_ssim):
        assert numbers[metric.__name__] == pytest.approx(metric(*pair).item(), abs=1e-6)
    assert numbers["encode_seconds"] > 0 < numbers["decode_seconds"]
    assert "lpips" not in numbers
    assert "fetch them once" in fidelity.missing["lpips"]


def test_a_picture_of_another_size_is_no_reconstruction(fidelity: PictureFidelity) -> None:
    with pytest.raises(ValueError, match="came back"):
        fidelity(_picture(64, 48), _picture(64, 49))


def test_small_pictures_have_no_ms_ssim_and_say_so(fidelity: PictureFidelity) -> None:
    numbers = [coded(CODECS["jpeg"].at(50), picture, fidelity) for picture in (_picture(200, 180), _picture(64, 48))]
    assert math.isnan(numbers[1]["ms_ssim"])
    metrics, missing = means(
        {metric: np.array([row[metric] for row in numbers]) for metric in numbers[0]}, fidelity.mean
    )
    assert metrics["ms_ssim"] is None
    assert missing == {"ms_ssim": "1 of 2 pictures have a side under 176 pixels, which do not hold its five scales"}
    assert metrics["psnr"] == pytest.approx((numbers[0]["psnr"] + numbers[1]["psnr"]) / 2)


def test_lpips_is_there_where_its_weights_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Distance(torch.nn.Module):
        """Stands for the network, whose weights are half a gigabyte."""

        def __init__(self, backbone: Path) -> None:
            super().__init__()
            assert backbone == tmp_path / "vgg.pth"

        def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
            return (one.float() - other.float()).abs().mean((1, 2, 3))

    monkeypatch.setattr(picture_fidelity, "LPIPS", Distance)
    fidelity = PictureFidelity(MetricWeights(lpips_backbone=tmp_path / "vgg.pth"), CPU)
    assert fidelity.missing == {}
    assert fidelity(Image.new("RGB", (20, 20), (9, 9, 9)), Image.new("RGB", (20, 20)))["lpips"] == pytest.approx(9)
    assert math.isnan(fidelity(_picture(40, 15), _picture(40, 15))["lpips"])


@pytest.fixture
def of_sounds(monkeypatch: pytest.MonkeyPatch) -> SoundFileFidelity:
    monkeypatch.setattr(audio_fidelity, "has_visqol", lambda: False)  # it takes seconds
    return SoundFileFidelity(16_000, CPU)


def test_a_sound_has_the_audio_protocols_numbers_and_its_files_rate(of_sounds: SoundFileFidelity) -> None:
    original, coder = torch.from_numpy(make_speech(0, 0)[:20_000])[None], FixedBitrate(opus(12_000), 16_000)
    data = coder.encode(original)
    numbers = coded(coder, original, of_sounds)
    assert numbers["bytes"] == len(data)
    assert numbers["kbps"] == pytest.approx(8 * len(data) / 1.25 / 1000)
    expected = evaluate_codec(opus(12_000), [(0, original)], 16_000)
    for metric in ("si_sdr", "stoi", "pesq", "mel_distance", "stft_distance"):
        assert numbers[metric] == pytest.approx(expected.metrics[metric], abs=1e-6)
    assert numbers["kbps"] == pytest.approx(expected.metrics["kbps_file"])
    assert numbers["encode_realtime"] > 0 < numbers["decode_realtime"]
    assert "visqol" in of_sounds.missing


def test_sounds_that_leave_nothing_to_measure_have_no_part_in_the_mean(of_sounds: SoundFileFidelity) -> None:
    sound = torch.from_numpy(make_speech(0, 0)[:20_000])[None]
    rows = [of_sounds(sound / 2, sound), of_sounds(torch.zeros(1, 9_000), torch.zeros(1, 9_001))]
    metrics, missing = means({name: np.array([row[name] for row in rows]) for name in rows[0]}, of_sounds.mean)
    assert metrics["si_sdr"] == rows[0]["si_sdr"]
    assert metrics["mel_distance"] == pytest.approx((rows[0]["mel_distance"] + rows[1]["mel_distance"]) / 2)
    assert missing["si_sdr"].startswith("1 of 2 sounds leave it nothing to measure")
    assert set(missing) == {"si_sdr", "stoi", "pesq"}
    metrics, _ = means({"pesq": np.array([np.nan])}, of_sounds.mean)
    assert metrics["pesq"] is None


def test_overhead_is_of_all_files_together(fidelity: PictureFidelity) -> None:
    numbers = {"bytes": [11.0, 30.0], "model_bits": [80.0, 240.0], "float_bits": [80.0, 239.0]}
    metrics, missing = means({name: np.array(values) for name, values in numbers.items()}, fidelity.mean)
    assert metrics["overhead"] == pytest.approx(100 * (8 * 41 / 320 - 1))
    assert metrics["fixed_point"] == pytest.approx(100 * (320 / 319 - 1))
    assert missing == {}


def test_memory_is_that_of_coding(fidelity: PictureFidelity) -> None:
    class Wasteful:
        def encode(self, picture: Image.Image) -> bytes:
            return bytes(50_000_000)[:1] + np.ones(50_000_000, np.uint8).tobytes()[:1]

        def decode(self, data: bytes) -> Image.Image:
            return _picture(8, 8)

    peak = peak_memory(Wasteful(), _picture(8, 8), fidelity)
    assert peak is None or peak > 45


def test_the_protocols_version_and_qualities_are_those_of_its_document() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert re.findall(r"^Version: `(.+)`$", text, re.MULTILINE) == [PROTOCOL]
    for codec in CODECS.values():
        (row,) = re.findall(rf"^\| {codec.heading} \|.*\| (.+) \|$", text, re.MULTILINE)
        assert tuple(map(int, re.sub(r"\(.*?\)", "", row).split())) == codec.qualities
