"""Code usage, perplexity and entropy of known distributions."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.metrics.codes import CodeHistogram, has_codebook


def test_uniform_and_collapsed_codes():
    uniform = torch.arange(64).remainder(8).view(4, 1, 4, 4)
    collapsed = torch.full_like(uniform, 3)
    histogram = CodeHistogram.of(torch.cat([uniform, collapsed], dim=1))
    np.testing.assert_allclose(histogram.entropies(), [3, 0])
    assert histogram.perplexity() == pytest.approx((8 + 1) / 2)
    assert histogram.usage(16) == pytest.approx((8 / 16 + 1 / 16) / 2)
    table = histogram.dense(16)
    assert table.tolist() == [[8] * 8 + [0] * 8, [0, 0, 0, 64] + [0] * 12]


def test_entropy_of_unequal_shares():
    histogram = CodeHistogram.of(torch.tensor([0, 0, 1, 2]).view(1, 1, 4))
    np.testing.assert_allclose(histogram.entropies(), [1.5])
    assert histogram.perplexity() == pytest.approx(2**1.5)


def test_parts_merge_into_the_whole():
    codes = torch.randint(0, 50, (30, 2, 3, 3), generator=torch.Generator().manual_seed(0))
    whole = CodeHistogram.of(codes)
    merged = CodeHistogram.merge([CodeHistogram.of(some) for some in codes.split(7)])
    expected = np.stack([np.bincount(codes[:, c].flatten(), minlength=50) for c in range(2)])
    np.testing.assert_array_equal(merged.dense(50), expected)
    np.testing.assert_array_equal(whole.dense(50), expected)


def test_an_implicit_codebook_is_never_materialised():
    codes = torch.tensor([0, 2**47, 2**47, 2**48 - 1]).view(1, 1, 4)
    histogram = CodeHistogram.merge([CodeHistogram.of(codes)] * 2)
    assert histogram.dense(2**48) is None
    assert histogram.usage(2**48) == 3 / 2**48
    np.testing.assert_allclose(histogram.entropies(), [1.5])


@pytest.mark.parametrize(
    ("size", "codes", "dim", "expected"), [(2**32, 16, 16, False), (2**48, 1, 12, True), (1024, 4, 256, True)]
)
def test_float_channels_are_no_codebook(size, codes, dim, expected):
    quantizer = SimpleNamespace(codebook_size=size, codes_per_position=codes, dim=dim)
    assert has_codebook(quantizer) is expected
