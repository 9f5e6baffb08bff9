"""The whole protocol on real parts: independent of batches and ranks, empty with a reason where it must be.

Run as a script, this file is one rank of the test with two processes: RANK WORLD_SIZE STORE RESULT.
"""

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from torch import nn
from torch_fidelity import feature_extractor_inceptionv3

import benchmarks
from autoencoders import BlockMean, OneMapTokenizer, Tokenizer
from benchmarks import evaluation
from benchmarks.evaluation import PROTOCOL, MetricWeights, evaluate, measure_speed
from benchmarks.metrics import inception, share, speed
from benchmarks.metrics.inception import Inception
from quantizers import create_quantizer


def photographs(count: int = 12, side: int = 32) -> torch.Tensor:
    picture = torch.from_numpy(data.astronaut()).permute(2, 0, 1)
    tiles = picture.unfold(1, side, side).unfold(2, side, side).flatten(1, 2).transpose(0, 1)
    return tiles[:: len(tiles) // count][:count].contiguous()


def batches(pictures: torch.Tensor, size: int, rank: int = 0, world_size: int = 1):
    places = torch.arange(rank, len(pictures), world_size)
    return [(some, pictures[some]) for some in places.split(size)]


def block_mean() -> nn.Module:
    return BlockMean(8).eval()


class Identity(OneMapTokenizer):
    """A tokenizer that keeps every value as it is: the row `none` at stride 1."""

    def __init__(self):
        super().__init__()
        self.quantizer = create_quantizer("none", dim=3)

    def latent(self, images):
        return images

    def from_latent(self, quantized):
        return quantized


def assert_same(one, other):
    assert one.missing == other.missing
    assert one.notes == other.notes
    assert one.metrics.keys() == other.metrics.keys()
    for name, value in one.metrics.items():
        assert other.metrics[name] == (None if value is None else pytest.approx(value, rel=1e-6)), name
    for name, values in one.per_image.items():
        np.testing.assert_allclose(other.per_image[name], values, rtol=1e-6, atol=1e-6)
    assert one.resampled.keys() == other.resampled.keys()
    for name, values in one.resampled.items():
        np.testing.assert_allclose(other.resampled[name], values, rtol=1e-5)
    np.testing.assert_array_equal(one.code_counts, other.code_counts)
    for ours, theirs in zip(one.samples, other.samples, strict=True):
        assert torch.equal(ours, theirs)


def test_numbers_of_the_block_mean():
    pictures = photographs()
    done = []
    result = evaluate(block_mean(), batches(pictures, 5), device="cpu", weights=MetricWeights(), progress=done.append)
    assert done == [5, 5, 2]
    means = pictures.double().view(12, 3, 4, 8, 4, 8).mean((3, 5)).round()
    errors = pictures.double().view(12, 3, 4, 8, 4, 8) - means[:, :, :, None, :, None]
    expected = 10 * torch.log10(255**2 / errors.square().flatten(1).mean(1))
    np.testing.assert_allclose(result.per_image["psnr"], expected, atol=1e-5)
    assert result.metrics["psnr"] == pytest.approx(expected.mean().item(), abs=1e-5)
    assert result.metrics["bpp"] == 24 / 64
    assert 0 < result.metrics["bpp_entropy"] < 24 / 64
    assert result.code_counts.shape == (3, 256)
    assert result.code_counts.sum() == 12 * 16 * 3
    assert result.metrics["usage"] == pytest.approx((result.code_counts > 0).mean())
    assert result.metrics["swd"] > 0
    assert "usage" in result.notes
    assert {name: len(values) for name, values in result.resampled.items()} == dict.fromkeys(
        ("swd", "usage", "perplexity", "bpp_entropy"), 100
    )
    for name, values in result.resampled.items():
        assert abs(values.mean() - result.metrics[name]) < 4 * values.std() + 0.1 * result.metrics[name], name
    originals, reconstructions = result.samples
    assert torch.equal(originals, pictures[:8])
    np.testing.assert_array_equal(reconstructions[:, :, ::8, ::8].numpy(), means[:8].numpy())


def test_what_is_empty_says_why_and_what_to_do():
    result = evaluate(block_mean(), batches(photographs(), 6), device="cpu", weights=MetricWeights())
    assert {name for name, value in result.metrics.items() if value is None} == set(result.missing)
    assert set(result.missing) == {"lpips", "rfid", "ms_ssim"}
    assert "python -m benchmarks.weights" in result.missing["rfid"]
    assert "--lpips-backbone" in result.missing["lpips"]
    assert "176 x 176" in result.missing["ms_ssim"]


def test_ms_ssim_from_its_smallest_size():
    result = evaluate(block_mean(), batches(photographs(1, 176), 1), device="cpu", weights=MetricWeights())
    assert 0 < result.metrics["ms_ssim"] < 1


def test_without_a_codebook():
    result = evaluate(Identity().eval(), batches(photographs(), 6), device="cpu", weights=MetricWeights())
    assert result.metrics["psnr"] == 100
    assert result.metrics["ssim"] == pytest.approx(1)
    assert result.metrics["swd"] == 0
    assert result.metrics["bpp"] == 96
    assert result.code_counts is None
    for name in ("usage", "perplexity", "bpp_entropy"):
        assert result.metrics[name] is None
        assert "no codebook" in result.missing[name]


class Coarse(OneMapTokenizer):
    """Mean colours of 8 x 8 blocks, coded in maps of three sizes; on a 4 x 4 grid most cells are unequal."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.quantizer = create_quantizer("multi-scale", dim=3, codebook_size=7, scales=(1, 2, 3), kmeans_iterations=0)
        self.quantizer.codebook.vectors.data.normal_()

    def latent(self, images):
        return nn.functional.avg_pool2d(images, 8)

    def from_latent(self, quantized):
        return nn.functional.interpolate(quantized, scale_factor=8)


def test_codes_that_positions_share_count_once():
    pictures, tokenizer = photographs(), Coarse().eval()
    result = evaluate(tokenizer, batches(pictures, 5), device="cpu", weights=MetricWeights())
    (codes,) = tokenizer.encode(pictures / 127.5 - 1)
    maps = tokenizer.quantizer.code_maps(codes)
    assert [found.shape[1:] for found in maps] == [(2, 2), (3, 3), (4, 4)]
    counts = np.stack([found.flatten().bincount(minlength=7).numpy() for found in maps])
    np.testing.assert_array_equal(result.code_counts, counts)
    bits = 0.0
    for row in counts:
        p = row[row > 0] / row.sum()
        bits -= row.sum() / len(pictures) * (p * np.log2(p)).sum()
    assert result.metrics["bpp_entropy"] == pytest.approx(bits / 32**2)
    assert result.metrics["bpp"] == pytest.approx((4 + 9 + 16) * np.log2(7) / 32**2)
    assert result.metrics["bpp"] != pytest.approx(tokenizer.quantizer.bits_per_position * 16 / 32**2)
    assert result.metrics["usage"] == pytest.approx((counts > 0).mean())
    assert result.notes["usage"].startswith("48 positions for 7 codes")


class TwoMaps(Tokenizer):
    """Mean colours of 8 x 8 blocks and of 4 x 4 blocks, of which the latter are shown."""

    maps = ("coarse", "fine")
    stride = 8

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList(BlockMean(stride) for stride in (8, 4))

    @property
    def quantizers(self):
        return tuple(part.quantizer for part in self.parts)

    def quantize(self, images):
        return [output for part in self.parts for output in part.quantize(images)]

    def reconstruct(self, quantized):
        return self.parts[1].from_latent(quantized[1])


def test_the_bits_of_all_code_maps_are_counted():
    pictures = photographs()
    result = evaluate(TwoMaps().eval(), batches(pictures, 5), device="cpu", weights=MetricWeights())
    coarse, fine = (
        evaluate(BlockMean(stride).eval(), batches(pictures, 5), device="cpu", weights=MetricWeights())
        for stride in (8, 4)
    )
    assert result.metrics["psnr"] == fine.metrics["psnr"]
    for name in ("bpp", "bpp_entropy"):
        assert result.metrics[name] == pytest.approx(coarse.metrics[name] + fine.metrics[name], rel=1e-12)
        if name in result.resampled:
            np.testing.assert_allclose(result.resampled[name], coarse.resampled[name] + fine.resampled[name])
    assert result.metrics["usage"] == pytest.approx((coarse.metrics["usage"] + fine.metrics["usage"]) / 2)
    np.testing.assert_array_equal(result.code_counts, np.concatenate([coarse.code_counts, fine.code_counts]))


def test_the_code_maps_of_a_picture_give_it_back_and_their_number_is_checked():
    images = photographs() / 127.5 - 1
    tokenizer = TwoMaps().eval()
    codes = tokenizer.encode(images)
    assert [tuple(of.shape) for of in codes] == [(12, 3, 4, 4), (12, 3, 8, 8)]
    assert torch.equal(tokenizer.decode(codes), tokenizer(images).images)
    with pytest.raises(ValueError, match=r"2 map\(s\) \(coarse, fine\), got 1"):
        tokenizer.decode(codes[:1])


@pytest.mark.parametrize("size", [1, 7])
def test_independent_of_the_batch_size(size):
    pictures = photographs()
    whole = evaluate(block_mean(), batches(pictures, 12), device="cpu", weights=MetricWeights())
    assert_same(whole, evaluate(block_mean(), batches(pictures, size), device="cpu", weights=MetricWeights()))


def test_two_processes_equal_one(tmp_path):
    ranks = [
        subprocess.Popen(
            [
                sys.executable,
                __file__,
                str(rank),
                "2",
                str(tmp_path / "store"),
                str(tmp_path / f"{rank}.pickle"),
            ],
            env=os.environ | {"PYTHONPATH": str(Path(benchmarks.__file__).parents[1])},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in ranks:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    one = evaluate(block_mean(), batches(photographs(13), 4), device="cpu", weights=MetricWeights())
    for rank in range(2):
        with (tmp_path / f"{rank}.pickle").open("rb") as file:
            result, error = pickle.load(file)
        assert_same(one, result)
        assert "counted from 0" in error


def one_rank(rank: int, world_size: int, store: str, result: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", f"file://{store}", rank=rank, world_size=world_size)
    options = {"device": "cpu", "rank": rank, "world_size": world_size, "weights": MetricWeights()}
    whole = evaluate(block_mean(), batches(photographs(13), 3, rank, world_size), **options)
    try:
        evaluate(block_mean(), batches(photographs(), 3), **options)  # both ranks bring all pictures
    except ValueError as error:
        Path(result).write_bytes(pickle.dumps((whole, str(error))))
    torch.distributed.destroy_process_group()


class Broken(Identity):
    def from_latent(self, quantized):
        return quantized * float("nan")


@pytest.mark.parametrize(
    ("tokenizer", "given", "message"),
    [
        (BlockMean(8).train(), batches(photographs(), 6), "eval mode"),
        (BlockMean(8).eval(), [], "empty"),
        (BlockMean(8).eval(), [*batches(photographs(), 6), *batches(photographs(), 6)], "each picture once"),
        (Broken().eval(), batches(photographs(), 6), "diverged"),
    ],
)
def test_bad_input(tokenizer, given, message):
    with pytest.raises(ValueError, match=message):
        evaluate(tokenizer, given, device="cpu", weights=MetricWeights())


def test_world_without_a_process_group():
    with pytest.raises(ValueError, match="not initialised"):
        evaluate(block_mean(), [], device="cpu", world_size=2, weights=MetricWeights())


def test_rfid_through_the_real_network(tmp_path, monkeypatch):
    """Random weights in a file: the number means nothing, the way to it is the real one. After the check of the
    network's own 2048 features, its first 64 stand for them: eigenvalues of 2048 x 2048 take seconds."""
    network = feature_extractor_inceptionv3.FeatureExtractorInceptionV3
    with monkeypatch.context() as patch:
        patch.setattr(feature_extractor_inceptionv3, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(network, "load_state_dict", lambda *_: None)
        torch.manual_seed(0)
        torch.save(network("inception", ["2048"]).state_dict(), tmp_path / "random.pth")
    pictures = photographs(3)
    assert Inception(tmp_path / "random.pth")(pictures[:1]).shape == (1, 2048)
    for part in (inception, share, evaluation):
        monkeypatch.setattr(part, "FEATURES", 64)
    weights = MetricWeights(inception=tmp_path / "random.pth")
    result = evaluate(block_mean(), batches(pictures, 2), device="cpu", weights=weights)
    assert np.isfinite(result.metrics["rfid"])
    assert result.metrics["rfid"] >= 0
    assert len(result.resampled["rfid"]) == 20
    assert "biased" in result.notes["rfid"]
    alone = evaluate(Identity().eval(), batches(pictures[:1], 1), device="cpu", weights=weights)
    assert "at least 2" in alone.missing["rfid"]


@pytest.mark.parametrize("content", [b"", b"not a zip", pickle.dumps({"a": 1}, protocol=2)])
def test_a_file_that_is_not_inception(tmp_path, content):
    (tmp_path / "file.pth").write_bytes(content)
    with pytest.raises(ValueError, match="does not hold the weights"):
        Inception(tmp_path / "file.pth")


def test_speed_of_each_part(monkeypatch):
    result = measure_speed(block_mean(), photographs(), "cpu")
    for part in ("encode", "quantize", "decode"):
        assert result[f"{part}_images_per_second"] > 0
    assert result["batch_size"] == 12


@pytest.mark.skipif(sys.platform != "linux", reason="the high-water mark can be reset only on Linux")
def test_peak_memory_sees_what_was_taken_and_given_back():
    growth = speed.peak_memory_growth(lambda: torch.ones(25_000_000).sum(), torch.device("cpu"))
    assert 95e6 < growth < 130e6
    assert speed.peak_memory_growth(lambda: None, torch.device("cpu")) < 20e6


def test_the_document_has_the_version_of_the_code():
    document = Path(benchmarks.__file__).parent / "protocols" / "reconstruction.md"
    assert re.findall(r"^Version: `(.+)`$", document.read_text(encoding="utf-8"), re.MULTILINE) == [PROTOCOL]


if __name__ == "__main__":
    one_rank(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
