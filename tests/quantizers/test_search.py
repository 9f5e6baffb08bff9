"""Exact search against brute force in float64; draws of codes against the softmax in float64."""

import subprocess
import sys

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st

from quantizers import search, search_compiled, search_cpu
from quantizers.search import nearest_codes, search_two_best

EXTREMES = [1e-30, 1e-22, 1e-18, 1e-6, 1e6, 1e18, 1e30]


@pytest.fixture(autouse=True, params=["plain", "avx2", "avx512", "bf16"])
def kernels(request, monkeypatch):
    """Every test runs once with products of PyTorch and once with each kernel that this processor has."""
    names = [request.param] * (request.param != "plain")
    if not set(names) <= set(search_compiled.KERNELS):
        pytest.skip("no such kernel here")
    monkeypatch.setattr(search_compiled, "KERNELS", names)


def brute_force(rows, codes):
    return torch.cdist(rows.double(), codes.double(), compute_mode="donot_use_mm_for_euclid_dist").square()


def assert_nearest(rows, codes, found=None, tolerance=1e-12):
    """Nearest to float64's rounding, and the first of equal vectors."""
    found = nearest_codes(rows, codes) if found is None else found
    distances = brute_force(rows, codes)
    assert found.dtype == torch.int64
    assert found.shape == (rows.shape[0],)
    assert torch.all(distances.gather(1, found.unsqueeze(1)).squeeze(1) <= distances.amin(1) * (1 + tolerance))
    copies = (codes[found].unsqueeze(1) == codes).all(2)
    assert torch.equal(found, copies.to(torch.uint8).argmax(1))


@pytest.fixture(params=["one tile", "many tiles"])
def tiles(request, monkeypatch):
    if request.param == "many tiles":
        monkeypatch.setattr(search_cpu, "TILE_CODES", 128)
        monkeypatch.setattr(search_cpu, "SCORES_PER_THREAD", 4096)
        monkeypatch.setattr(search_cpu, "CANDIDATES", 512)


@st.composite
def problems(draw):
    """Rows and codes of any size, scale, offset and layout, some of them duplicates or near copies."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    dim, size, count = draw(st.integers(1, 40)), draw(st.integers(1, 300)), draw(st.integers(1, 80))
    codes = torch.randn(draw(st.integers(1, size)), dim, generator=generator)
    codes = codes[torch.randint(codes.shape[0], (size,), generator=generator)]
    rows = torch.randn(count, dim, generator=generator) * 10.0 ** draw(st.integers(-3, 3))
    if draw(st.booleans()):
        rows = codes[torch.randint(size, (count,), generator=generator)] + rows
    offset = draw(st.sampled_from([0, 1, 1e3, 1e6])) * torch.randn(dim, generator=generator)
    scale = 10.0 ** draw(st.integers(-20, 20))
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    return [
        _laid_out(((matrix + offset) * scale).to(dtype), draw(st.sampled_from(["contiguous", "transposed", "strided"])))
        for matrix in (rows, codes)
    ]


def _laid_out(matrix, layout):
    if layout == "transposed":
        return matrix.T.contiguous().T
    if layout == "strided":
        return torch.stack([matrix, torch.full_like(matrix, torch.nan)], 2).flatten(1)[:, ::2]
    return matrix


@given(problems())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_problem(problem):
    assert_nearest(*problem)


@pytest.mark.parametrize("size", [1, 2, 31, 32, 33, 128, 1000, 1024, 3001])
@pytest.mark.parametrize(("count", "dim"), [(1, 1), (255, 3), (513, 64), (300, 8)])
def test_random(count, dim, size, tiles):
    generator = torch.Generator().manual_seed(size)
    rows, codes = (torch.randn(n, dim, generator=generator) for n in (count, size))
    expected = brute_force(rows, codes).argmin(1)
    assert torch.equal(nearest_codes(rows, codes), expected)
    assert torch.equal(search_two_best(rows, codes), expected)


def test_two_best_over_many_tiles(monkeypatch):
    monkeypatch.setattr(search, "TILE_ROWS", 70)
    monkeypatch.setattr(search, "TILE_CODES", 9)
    rows, codes = torch.randn(200, 5), torch.randn(100, 5)
    assert torch.equal(search_two_best(rows, codes), brute_force(rows, codes).argmin(1))


def test_empty_batch():
    assert nearest_codes(torch.zeros(0, 4), torch.randn(3, 4)).shape == (0,)


def test_exact_ties_go_to_the_lowest_index():
    codes = torch.tensor([[2.0], [0.0], [1.0], [0.0], [1.0]])
    rows = torch.tensor([[0.5], [0.0], [1.5], [9.0]])
    assert nearest_codes(rows, codes).tolist() == [1, 1, 0, 0]
    assert search_two_best(rows, codes).tolist()[1:] == [1, 0, 0]  # the first row has four nearest codes


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_ties_far_apart_go_to_the_lowest_index(shift, tiles):
    codes = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]]).repeat(100, 1).flip(0) + shift
    assert nearest_codes(torch.full((5, 2), shift), codes).tolist() == [0] * 5


@pytest.mark.parametrize("find", [nearest_codes, search_two_best])
def test_duplicates_go_to_the_lowest_index(find, tiles):
    vectors = torch.randn(700, 37)
    codes = vectors[torch.randint(700, (1500,))]
    rows = codes[torch.randperm(1500)[:300]] + 1e-3 * torch.randn(300, 37)
    assert_nearest(rows, codes, find(rows, codes), 1e-6)


def test_all_codes_equal(tiles):
    assert nearest_codes(torch.randn(70, 3), torch.ones(400, 3)).tolist() == [0] * 70


@pytest.mark.parametrize("find", [nearest_codes, search_two_best])
@pytest.mark.parametrize("scale", EXTREMES)
def test_any_scale(scale, find):
    rows, codes = torch.randn(200, 16) * scale, torch.randn(500, 16) * scale
    assert_nearest(rows, codes, find(rows, codes), 1e-6)


@pytest.mark.parametrize("scale", [1e-15, 1e15])
def test_rows_of_another_scale_than_the_codes(scale):
    assert_nearest(torch.randn(100, 4) * scale, torch.randn(300, 4) / scale)


@pytest.mark.parametrize("find", [nearest_codes, search_two_best])
def test_common_offset(find):
    rows, codes = torch.randn(400, 16) + 1e4, torch.randn(600, 16) + 1e4
    assert_nearest(rows, codes, find(rows, codes), 1e-6)


def test_rows_far_from_all_codes():
    assert_nearest(torch.randn(200, 16) * 1e4 + 1e6, torch.randn(300, 16))


def test_close_codes_beside_a_huge_one():
    codes = torch.cat([1e-3 * torch.randn(500, 8), torch.full((1, 8), 1e6)])
    assert_nearest(1e-3 * torch.randn(300, 8), codes)


@pytest.mark.parametrize("apart", [0.0, 1e-7, 1e-5])
def test_codes_that_are_nearly_all_equal(apart):
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(1, 24, generator=generator) + apart * torch.randn(3000, 24, generator=generator)
    rows = torch.randn(200, 24, generator=generator)
    assert torch.equal(nearest_codes(rows, codes), brute_force(rows, codes).argmin(1))


def test_clusters_far_apart(tiles):
    centres = 1e5 * torch.randn(20, 8)
    codes = centres.repeat(30, 1) + torch.randn(600, 8)
    assert_nearest(centres.repeat(10, 1) + torch.randn(200, 8), codes)


@pytest.mark.parametrize("dim", [1, 8, 64, 1024])
@pytest.mark.parametrize("sign", ["any", "one"])
def test_rounding_of_scores_stays_within_its_bound(dim, sign):
    """Products of one sign add up their rounding errors the most."""
    rows, codes = torch.randn(256, dim), torch.randn(300, dim)
    if sign == "one":
        rows, codes = torch.rand(256, 1).expand(256, dim) / 3, torch.rand(300, 1).expand(300, dim)
    scores = torch.addmm(-codes.square().sum(1) / 2, rows, codes.T)
    exact = rows.double() @ codes.double().T - codes.double().square().sum(1) / 2
    longest = torch.linalg.vector_norm(codes, dim=1).amax()
    reach = (torch.linalg.vector_norm(rows, dim=1, keepdim=True) + longest) * longest
    error = 2 * (scores - exact).abs()  # of two scores
    assert torch.all(error <= reach * search_cpu._relative_rounding(dim, torch.float32) / 2)


def test_float64_is_computed_in_float64():
    codes = 1 + 1e-9 * torch.randn(100, 4, dtype=torch.float64)
    rows = codes[torch.randperm(100)[:50]] + 1e-11 * torch.randn(50, 4, dtype=torch.float64)
    for find in (nearest_codes, search_two_best):
        assert torch.equal(find(rows, codes), brute_force(rows, codes).argmin(1))


def test_autocast_does_not_matter():
    rows, codes = torch.randn(400, 32), torch.randn(1024, 32)
    expected = nearest_codes(rows, codes)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(nearest_codes(rows, codes), expected)


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_products_are_in_float32_whatever_the_program_allows(precision, monkeypatch):
    seen = []

    def find(rows, codes):
        seen.append(torch.backends.mkldnn.matmul.fp32_precision)
        return torch.zeros(rows.shape[0], dtype=torch.int64)

    monkeypatch.setattr(search, "search_cpu", find)
    monkeypatch.setattr(search, "can_use_kernels", lambda rows: False)
    torch.set_float32_matmul_precision(precision)
    try:
        before = torch.backends.mkldnn.matmul.fp32_precision
        nearest_codes(torch.randn(2, 3), torch.randn(4, 3))
        assert seen == ["ieee"] != [before]
        assert torch.backends.mkldnn.matmul.fp32_precision == before
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision("highest")


def test_half_precision_rows_are_searched_in_float32():
    rows, codes = torch.randn(400, 32).bfloat16(), torch.randn(1024, 32)
    assert torch.equal(nearest_codes(rows, codes), brute_force(rows.float(), codes).argmin(1))


def test_compiles_to_one_graph():
    rows, codes = torch.randn(100, 8, requires_grad=True), torch.randn(300, 8, requires_grad=True)
    compiled = torch.compile(lambda rows: nearest_codes(rows, codes) + 1, fullgraph=True, backend="aot_eager")
    for some in (rows, rows[:37], rows[:0]):
        assert torch.equal(compiled(some), nearest_codes(some, codes) + 1)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(compiled(some), nearest_codes(some, codes) + 1)
    torch.library.opcheck(search._search, (rows.detach(), codes.detach()))


MEASURE_PEAK = """
import resource

import torch
from quantizers.search import {name} as find

rows, codes = torch.randn(4096, 8), torch.randn(65536, 8)
find(rows[:64], codes[:64], *{arguments})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
find(rows, codes, *{arguments})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak as Linux counts it, in KiB")
@pytest.mark.parametrize(
    ("name", "arguments"), [("nearest_codes", ()), ("search_two_best", ()), ("sample_codes", (1.0,))]
)
def test_peak_memory_is_far_below_an_n_by_k_matrix(name, arguments):
    code = MEASURE_PEAK.format(name=name, arguments=arguments)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) * 1024 < 4096 * 65536 * 4 / 4


@pytest.mark.parametrize(
    ("rows", "codes", "message"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 4), "one D"),
        (torch.zeros(2, 3, 1), torch.zeros(2, 3), "rows and codes"),
        (torch.zeros(2, 3), torch.zeros(0, 3), "at least one code"),
        (torch.zeros(2, 0), torch.zeros(3, 0), "at least one channel"),
    ],
)
def test_bad_input(rows, codes, message):
    with pytest.raises(ValueError, match=message):
        nearest_codes(rows, codes)
