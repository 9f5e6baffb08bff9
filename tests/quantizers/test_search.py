"""Exact search against brute force in float64."""

import pytest
import torch

from quantizers.search import GROUP, nearest_codes


def brute_force(rows, codes):
    return torch.cdist(rows.double(), codes.double(), compute_mode="donot_use_mm_for_euclid_dist").square()


def assert_nearest(rows, codes):
    distances = brute_force(rows, codes)
    found = nearest_codes(rows, codes)
    assert found.dtype == torch.int64
    assert found.shape == (rows.shape[0],)
    chosen = distances.gather(1, found.unsqueeze(1)).squeeze(1)
    assert torch.all(chosen <= distances.amin(1) * (1 + 1e-6))


@pytest.mark.parametrize("size", [1, 2, GROUP - 1, GROUP, GROUP + 1, 1000, 1024, 3001])
@pytest.mark.parametrize(("count", "dim"), [(1, 1), (255, 3), (513, 64), (300, 8)])
def test_random(count, dim, size):
    generator = torch.Generator().manual_seed(size)
    rows, codes = (torch.randn(n, dim, generator=generator) for n in (count, size))
    assert torch.equal(nearest_codes(rows, codes), brute_force(rows, codes).argmin(1))


def test_empty_batch():
    assert nearest_codes(torch.zeros(0, 4), torch.randn(3, 4)).shape == (0,)


def test_exact_ties_go_to_the_lowest_index():
    codes = torch.tensor([[2.0], [0.0], [1.0], [0.0], [1.0]])
    rows = torch.tensor([[0.5], [0.0], [1.5], [9.0]])
    assert nearest_codes(rows, codes).tolist() == [1, 1, 0, 0]


def test_duplicates_go_to_the_lowest_index():
    vectors = torch.randn(700, 37)
    codes = vectors[torch.randint(700, (4099,))]
    rows = codes[torch.randperm(4099)[:600]] + 1e-3 * torch.randn(600, 37)
    found = nearest_codes(rows, codes)
    assert_nearest(rows, codes)
    first = (codes[found].unsqueeze(1) == codes.unsqueeze(0)).all(2).to(torch.uint8).argmax(1)
    assert torch.equal(found, first)


@pytest.mark.parametrize("scale", [1e-18, 1e-6, 1e6, 1e18, 1e30])
def test_any_scale(scale):
    rows, codes = torch.randn(200, 16) * scale, torch.randn(500, 16) * scale
    assert_nearest(rows, codes)


def test_common_offset():
    assert_nearest(torch.randn(400, 16) + 1e4, torch.randn(600, 16) + 1e4)


def test_rows_far_from_all_codes():
    assert_nearest(torch.randn(200, 16) * 1e4 + 1e6, torch.randn(300, 16))


def test_close_codes_beside_a_huge_one():
    codes = torch.cat([1e-3 * torch.randn(500, 8), torch.full((1, 8), 1e6)])
    assert_nearest(1e-3 * torch.randn(300, 8), codes)


def test_clusters_far_apart():
    centres = 1e5 * torch.randn(20, 8)
    codes = centres.repeat(30, 1) + torch.randn(600, 8)
    assert_nearest(centres.repeat(10, 1) + torch.randn(200, 8), codes)


def test_float64_is_computed_in_float64():
    codes = 1 + 1e-9 * torch.randn(100, 4, dtype=torch.float64)
    rows = codes[torch.randperm(100)[:50]] + 1e-11 * torch.randn(50, 4, dtype=torch.float64)
    assert torch.equal(nearest_codes(rows, codes), brute_force(rows, codes).argmin(1))


def test_autocast_does_not_matter():
    rows, codes = torch.randn(400, 32), torch.randn(1024, 32)
    expected = nearest_codes(rows, codes)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(nearest_codes(rows, codes), expected)


def test_half_precision_rows_are_searched_in_float32():
    rows, codes = torch.randn(400, 32).bfloat16(), torch.randn(1024, 32)
    assert torch.equal(nearest_codes(rows, codes), brute_force(rows.float(), codes).argmin(1))


@pytest.mark.parametrize(
    ("rows", "codes", "message"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 4), "one D"),
        (torch.zeros(2, 3, 1), torch.zeros(2, 3), "rows and codes"),
        (torch.zeros(2, 3), torch.zeros(0, 3), "at least one code"),
    ],
)
def test_bad_input(rows, codes, message):
    with pytest.raises(ValueError, match=message):
        nearest_codes(rows, codes)
