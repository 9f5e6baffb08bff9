"""Code usage, perplexity and entropy of known distributions."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats
import torch

from benchmarks.metrics.codes import CodeHistogram, code_maps, effective_rank, has_codebook, resampled_usage
from benchmarks.metrics.fid import FeatureSums
from benchmarks.records.resampling import draws
from quantizers import create_quantizer


def maps(codes: torch.Tensor) -> list[np.ndarray]:
    return [found.flatten(1).numpy() for found in codes.unbind(1)]


def test_uniform_and_collapsed_codes():
    uniform = torch.arange(64).remainder(8).view(4, 1, 4, 4)
    collapsed = torch.full_like(uniform, 3)
    histogram = CodeHistogram.of(maps(torch.cat([uniform, collapsed], dim=1)))
    np.testing.assert_allclose(histogram.entropies(), [3, 0])
    assert histogram.perplexity() == pytest.approx((8 + 1) / 2)
    assert histogram.usage(16) == pytest.approx((8 / 16 + 1 / 16) / 2)
    table = histogram.dense(16)
    assert table.tolist() == [[8] * 8 + [0] * 8, [0, 0, 0, 64] + [0] * 12]


def test_entropy_of_unequal_shares():
    histogram = CodeHistogram.of(maps(torch.tensor([0, 0, 1, 2]).view(1, 1, 4)))
    np.testing.assert_allclose(histogram.entropies(), [1.5])
    assert histogram.perplexity() == pytest.approx(2**1.5)


def test_counts_are_bincounts():
    codes = torch.randint(0, 50, (30, 2, 3, 3), generator=torch.Generator().manual_seed(0))
    expected = np.stack([np.bincount(codes[:, c].flatten(), minlength=50) for c in range(2)])
    np.testing.assert_array_equal(CodeHistogram.of(maps(codes)).dense(50), expected)


def test_entropy_and_perplexity_equal_scipy():
    codes = torch.from_numpy(np.random.default_rng(0).zipf(1.5, (20, 2, 8, 8)) % 300)
    histogram = CodeHistogram.of(maps(codes))
    counts = [np.bincount(codes[:, c].flatten(), minlength=300) for c in range(2)]
    np.testing.assert_allclose(histogram.entropies(), scipy.stats.entropy(counts, base=2, axis=1), rtol=1e-12)
    expected = np.mean([np.exp(scipy.stats.entropy(count)) for count in counts])
    assert histogram.perplexity() == pytest.approx(expected, rel=1e-12)


def sums_of(vectors: torch.Tensor) -> FeatureSums:
    sums = FeatureSums.zeros(vectors.shape[1])
    for part in vectors.split(7):
        sums.update(part)
    return sums


def test_the_effective_rank_counts_the_dimensions_that_vectors_fill():
    noise = torch.randn(4096, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert effective_rank(sums_of(noise + 5)) == pytest.approx(6, abs=0.01)
    assert effective_rank(sums_of(noise[:, :2] @ torch.randn(2, 6, dtype=torch.float64))) < 2.001
    same = torch.randn(1, 16, generator=torch.Generator().manual_seed(0)).expand(1000, 16)
    assert effective_rank(sums_of(same)) == 1  # and not that of rounding
    assert effective_rank(sums_of(torch.ones(1, 3))) == 1
    scaled = noise * torch.tensor([8.0, 4, 2, 1, 0.5, 0])
    values = np.linalg.svd((scaled - scaled.mean(0)).numpy(), compute_uv=False)[:5]
    assert effective_rank(sums_of(scaled)) == pytest.approx(np.exp(scipy.stats.entropy(values)))


def test_an_implicit_codebook_is_never_materialised():
    histogram = CodeHistogram.of(maps(torch.tensor([0, 2**47, 2**47, 2**48 - 1]).view(1, 1, 4)))
    assert histogram.dense(2**48) is None
    assert histogram.usage(2**48) == 3 / 2**48
    np.testing.assert_allclose(histogram.entropies(), [1.5])


@pytest.mark.parametrize("bits", [5, 40])
def test_maps_hold_every_code_of_every_picture(bits):
    quantizer = create_quantizer("lfq", bits=bits)
    codes = torch.randint(0, 2**bits, (4, 1, 3, 2), generator=torch.Generator().manual_seed(0))
    (found,) = code_maps(codes, quantizer)
    np.testing.assert_array_equal(found, codes.flatten(1).numpy())


def test_a_code_that_positions_share_stands_in_a_map_once():
    quantizer = create_quantizer("multi-scale", dim=4, codebook_size=16, scales=(1, 2, 4)).eval()
    codes = quantizer(torch.randn(5, 4, 4, 4)).codes
    assert [found.shape for found in code_maps(codes, quantizer)] == [(5, 1), (5, 4), (5, 16)]


def test_resamples_equal_histograms_of_repeated_pictures():
    codes = torch.randint(0, 40, (12, 2, 3, 3), generator=torch.Generator().manual_seed(0))
    some = draws(12, 5)
    usage, entropy = resampled_usage(maps(codes), some, 40)
    for resample, drawn in enumerate(some):
        repeated = CodeHistogram.of(maps(codes.repeat_interleave(torch.from_numpy(drawn), 0)))
        np.testing.assert_allclose(entropy[:, resample], repeated.entropies())
        assert usage[:, resample].mean() == pytest.approx(repeated.usage(40))


@pytest.mark.parametrize(
    ("size", "codes", "dim", "expected"), [(2**32, 16, 16, False), (2**48, 1, 12, True), (1024, 4, 256, True)]
)
def test_float_channels_are_no_codebook(size, codes, dim, expected):
    quantizer = SimpleNamespace(codebook_size=size, codes_per_position=codes, dim=dim)
    assert has_codebook(quantizer) is expected
