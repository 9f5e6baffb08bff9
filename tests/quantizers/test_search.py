"""Exact search against brute force in float64."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from quantizers import search
from quantizers.search import nearest_codes, sample_codes, search_two_best
from quantizers.search_cpu import GROUP


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


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    count=st.integers(1, 90),
    dim=st.integers(1, 40),
    size=st.integers(1, 300),
    scale=st.sampled_from([1e-20, 1e-3, 1.0, 1e5, 1e15]),
    offset=st.sampled_from([0.0, 1.0, 300.0]),
    distinct=st.integers(1, 300),
    transposed=st.booleans(),
)
def test_any_input(seed, count, dim, size, scale, offset, distinct, transposed):
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randn(min(distinct, size), dim, generator=generator)
    codes = codes[torch.randint(len(codes), (size,), generator=generator)]
    rows = codes[torch.randint(size, (count,), generator=generator)] + torch.randn(count, dim, generator=generator)
    rows, codes = (scale * (x + offset) for x in (rows, codes))
    if transposed:
        rows, codes = (x.T.contiguous().T for x in (rows, codes))
    assert torch.equal(nearest_codes(rows, codes), brute_force(rows, codes).argmin(1))


@pytest.mark.parametrize(("count", "dim", "size"), [(1, 1, 1), (300, 8, 1000), (100, 64, 5000)])
def test_the_search_of_other_devices_is_exact_too(count, dim, size):
    generator = torch.Generator().manual_seed(size)
    rows, codes = (torch.randn(n, dim, generator=generator) + 10 for n in (count, size))
    distances = brute_force(rows, codes)
    found = search_two_best(rows, codes).unsqueeze(1)
    assert torch.all(distances.gather(1, found).squeeze(1) <= distances.amin(1) * (1 + 1e-6))


MEMORY = """
from pathlib import Path
import torch
from quantizers.search import nearest_codes

def resident(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024

rows, codes = torch.randn(4096, 8), torch.randn(65536, 8)
nearest_codes(rows[:64], codes[:64])
before = resident("VmRSS:")
nearest_codes(rows, codes)
print(resident("VmHWM:") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_far_below_the_matrix():
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 4096 * 65536 * 4 / 2**20 / 8


@pytest.mark.parametrize("temperature", [0.3, 4.0, torch.tensor(1.0)])
def test_samples_are_of_the_softmax_of_distances(temperature):
    torch.manual_seed(0)
    codes, row = torch.randn(12, 3), torch.randn(1, 3)
    drawn = sample_codes(row.expand(40_000, 3), codes, temperature)
    expected = torch.softmax(-brute_force(row, codes) / temperature, 1)[0].double()
    likely = expected * len(drawn) > 5
    counts = torch.bincount(drawn, minlength=12).double()
    assert likely.sum() > 5
    assert counts[~likely].sum() < 5 * 12
    shares = expected[likely] / expected[likely].sum()
    assert chisquare(counts[likely].numpy(), (shares * counts[likely].sum()).numpy()).pvalue > 1e-3


def test_draws_do_not_depend_on_the_tile(monkeypatch):
    rows, codes = torch.randn(50, 4), torch.randn(37, 4)
    torch.manual_seed(3)
    expected = sample_codes(rows, codes, 2.0)
    monkeypatch.setattr(search, "SAMPLED_SCORES", 200)
    torch.manual_seed(3)
    assert torch.equal(sample_codes(rows, codes, 2.0), expected)
    assert not torch.equal(expected, nearest_codes(rows, codes))
    assert torch.equal(sample_codes(rows, codes, 0.0), nearest_codes(rows, codes))
    with pytest.raises(ValueError, match="temperature"):
        sample_codes(rows, codes, -1.0)
