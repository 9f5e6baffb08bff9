"""Codes in the evaluation, where they are more than one map of one size: each is counted, and once."""

import numpy as np
import pytest
import torch
from photograph_batches import batches, photographs
from torch import nn

from autoencoders import BlockMean, OneMapTokenizer, Tokenizer
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.reconstruction.evaluation import evaluate
from quantizers import create_quantizer


class Coarse(OneMapTokenizer):
    """Mean colours of 8 x 8 blocks, coded in maps of three sizes; on a 4 x 4 grid most cells are unequal."""

    strides = (8, 8)

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
    strides = (8, 8)

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
    assert torch.equal(tokenizer.decode(codes), tokenizer(images).reconstruction)
    with pytest.raises(ValueError, match=r"2 map\(s\) \(coarse, fine\), got 1"):
        tokenizer.decode(codes[:1])
