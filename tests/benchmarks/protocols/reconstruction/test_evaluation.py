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
from photograph_batches import batches, photographs
from torch import nn
from torch_fidelity import feature_extractor_inceptionv3

import benchmarks
from autoencoders import BlockMean, OneMapTokenizer
from benchmarks.metrics import inception
from benchmarks.metrics.inception import Inception
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.reconstruction import combining, share
from benchmarks.protocols.reconstruction.evaluation import evaluate
from benchmarks.protocols.reconstruction.measured import PROTOCOL
from quantizers import create_quantizer

ROOT = Path(benchmarks.__file__).parents[1]


def block_mean() -> nn.Module:
    return BlockMean(8).eval()


class Identity(OneMapTokenizer):
    """A tokenizer that keeps every value as it is: the row `none` at stride 1."""

    strides = (1, 1)

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


@pytest.mark.parametrize("size", [1, 7])
def test_independent_of_the_batch_size(size):
    pictures = photographs()
    whole = evaluate(block_mean(), batches(pictures, 12), device="cpu", weights=MetricWeights())
    assert_same(whole, evaluate(block_mean(), batches(pictures, size), device="cpu", weights=MetricWeights()))


def test_independent_of_the_order():
    batched = [*batches(photographs(), 5)]
    one, other = (
        evaluate(block_mean(), order, device="cpu", weights=MetricWeights()) for order in (batched, batched[::-1])
    )
    assert_same(one, other)


@pytest.mark.slow
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
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])},
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
    for part in (inception, share, combining):
        monkeypatch.setattr(part, "FEATURES", 64)
    weights = MetricWeights(inception=tmp_path / "random.pth")
    result = evaluate(block_mean(), batches(pictures, 2), device="cpu", weights=weights)
    assert np.isfinite(result.metrics["rfid"])
    assert result.metrics["rfid"] >= 0
    assert len(result.resampled["rfid"]) == 20
    assert "biased" in result.notes["rfid"]
    alone = evaluate(Identity().eval(), batches(pictures[:1], 1), device="cpu", weights=weights)
    assert "at least 2" in alone.missing["rfid"]


def test_the_document_has_the_version_of_the_code():
    document = ROOT / "benchmarks" / "protocols" / "reconstruction.md"
    assert re.findall(r"^Version: `(.+)`$", document.read_text(encoding="utf-8"), re.MULTILINE) == [PROTOCOL]


if __name__ == "__main__":
    one_rank(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
