"""The kernels in C: what they prove, what they leave, and that their bounds are needed."""

import platform
import shutil
from pathlib import Path

import pytest
import torch
from c_extensions import built

from quantizers import search_compiled
from quantizers.search import nearest_codes
from quantizers.search_compiled import KERNELS, search_compiled as find
from quantizers.search_cpu import search_cpu

SOURCES = Path(__file__).parents[2] / "quantizers"
needs_kernels = pytest.mark.skipif(not KERNELS, reason="no kernels were built, or none for this processor")


@pytest.fixture(params=["avx2", "avx512", "bf16"])
def kernel(request):
    if request.param not in KERNELS:
        pytest.skip("no such kernel here")
    return request.param


def left_by(kernel, rows, codes, monkeypatch):
    """How many rows a kernel leaves to the next search."""
    left = []
    monkeypatch.setattr(
        search_compiled, "search_cpu", lambda rows, codes: left.append(len(rows)) or search_cpu(rows, codes)
    )
    monkeypatch.setattr(search_compiled, "KERNELS", [kernel])
    assert torch.equal(find(rows, codes), search_cpu(rows, codes))
    return sum(left)


@pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() != "x86_64", reason="there are kernels for x86-64"
)
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_an_installation_with_a_compiler_has_the_kernels():
    flags = set(Path("/proc/cpuinfo").read_text().split())
    for name, needed in (("avx2", {"avx2", "fma"}), ("avx512", {"avx512bw", "avx512dq"}), ("bf16", {"avx512_bf16"})):
        assert (name in KERNELS) == (needed <= flags)


@pytest.mark.parametrize(("dim", "size"), [(1, 5), (7, 64), (8, 65), (16, 1024), (33, 300), (256, 1024), (1024, 200)])
@pytest.mark.parametrize("count", [1, 5, 6, 119, 121, 700])
def test_random_vectors_are_proved(kernel, count, dim, size, monkeypatch):
    generator = torch.Generator().manual_seed(dim)
    rows, codes = (torch.randn(n, dim, generator=generator) for n in (count, size))
    left = left_by(kernel, rows, codes, monkeypatch)
    assert left <= (0 if kernel != "bf16" else count // 20)


def test_a_codebook_that_fills_its_space_is_proved(kernel, monkeypatch):
    """Thousands of codes a row away from each other: what a trained codebook of few channels looks like."""
    rows, codes = torch.randn(500, 4), torch.randn(8192, 4)
    assert left_by(kernel, rows, codes, monkeypatch) <= (0 if kernel != "bf16" else 250)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads(kernel, threads, monkeypatch):
    rows, codes = torch.randn(5000, 32), torch.randn(2000, 32)
    monkeypatch.setattr(search_compiled, "KERNELS", [kernel])
    expected = find(rows, codes)
    torch.set_num_threads(threads)
    assert torch.equal(find(rows, codes), expected)


def test_duplicates_go_on_to_the_next_search_before_they_cost(kernel, monkeypatch):
    rows, codes = torch.randn(4000, 8), torch.randn(1, 8).repeat(3000, 1)
    monkeypatch.setattr(search_compiled, "KERNELS", [kernel])
    seen = []
    kernels = search_compiled.search_by_kernel

    def search(*args):
        seen.append(kernels(*args))
        return seen[-1]

    monkeypatch.setattr(search_compiled, "search_by_kernel", search)
    assert torch.equal(find(rows, codes), torch.zeros(4000, dtype=torch.int64))
    assert seen == [False]


def test_what_one_kernel_leaves_the_next_takes(monkeypatch):
    names = []
    kernels = search_compiled.search_by_kernel
    monkeypatch.setattr(search_compiled, "search_by_kernel", lambda *args: (names.append(args[0]), kernels(*args))[1])
    assert find(torch.randn(4000, 8), torch.randn(1, 8).repeat(3000, 1)).eq(0).all()
    best = [name for name in ("avx512", "avx2") if name in KERNELS][:1]
    assert names == [name for name in KERNELS if name == "bf16"] + best


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e12, 1e30])
def test_norms_that_bfloat16_is_not_for(scale):
    rows, codes = torch.randn(200, 16) * scale, torch.randn(500, 16) * scale
    assert torch.equal(find(rows, codes), search_cpu(rows, codes))


def test_what_is_no_number_goes_on_to_the_next_search(kernel, monkeypatch):
    rows, codes = torch.randn(50, 8), torch.randn(70, 8)
    rows[3, 2], rows[7, 0] = torch.nan, torch.inf
    monkeypatch.setattr(search_compiled, "KERNELS", [kernel])
    good = rows.isfinite().all(1)
    assert torch.equal(find(rows, codes)[good], search_cpu(rows[good], codes))


def test_codes_do_not_depend_on_the_other_rows():
    rows, codes = torch.randn(300, 24), torch.randn(700, 24)
    together = nearest_codes(rows, codes)
    for count in (1, 7, 64):
        assert torch.equal(torch.cat([nearest_codes(part, codes) for part in rows.split(count)]), together)


def test_transforms_of_functions():
    """They wrap tensors in others, which have no memory that a kernel could read."""
    rows, codes = torch.randn(5, 3), torch.randn(7, 3)

    def distance(rows):
        return (rows - codes[nearest_codes(rows, codes)]).square().sum()

    expected = 2 * (rows - codes[nearest_codes(rows, codes)])
    torch.testing.assert_close(torch.func.grad(distance)(rows), expected)
    torch.testing.assert_close(torch.func.vmap(distance)(rows[None]), distance(rows)[None])


def rounded_against(half=32):
    """Two codes and a row that bfloat16 carries as far from the nearer one as it can: half its numbers are rounded down
    and half up, by as much as can be, and the codes' signs follow. In float64 the second code is nearer by little."""
    down, up = torch.full((half,), 1 + 0.98 * 2**-8), torch.full((half,), 1 + 1.02 * 2**-8)
    row = torch.cat([down, up, torch.tensor([2**-5])])
    code = torch.cat([torch.ones(half), -torch.ones(half), torch.tensor([0.25])])
    return row.unsqueeze(0), torch.stack([-code, code])


def on_a_sphere(seed):
    """A row and codes that are all as far from it, but for the rounding of their numbers."""
    generator = torch.Generator().manual_seed(seed)
    row = torch.randn(1, 24, generator=generator)
    return row, row + torch.nn.functional.normalize(torch.randn(120, 24, generator=generator))


@needs_kernels
def test_the_worst_of_bfloat16():
    rows, codes = rounded_against()
    assert find(rows, codes).tolist() == [1] == search_cpu(rows, codes).tolist()


def test_the_worst_of_bfloat16_among_codes_that_are_a_little_shorter(kernel, monkeypatch):
    """The same two codes a whole segment of panels apart, each followed by panels of codes whose norms begin with the
    same digits and are smaller, as small as can be; none of these is near, and longer ones keep the mean at 0."""
    row, (wrong, right) = rounded_against(40)
    shorter = torch.zeros(81)
    shorter[:64] = -1
    shorter[[*range(12), *range(40, 52)]] = 1
    segment = 24 * 64
    codes = [
        wrong,
        *[shorter] * (segment + 9),
        right,
        *[shorter] * (2 * segment - 9),
        *[-2 * shorter] * (3 * segment // 2),
    ]
    codes = torch.stack(codes)
    assert codes.double().mean(0).eq(0).all()
    monkeypatch.setattr(search_compiled, "KERNELS", [kernel])
    assert find(row, codes).tolist() == [segment + 10] == search_cpu(row, codes).tolist()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize(
    ("kernel", "right", "wrong", "problems"),
    [
        ("bf16", "(rounding + halves)", "(rounding + halves / 2)", [rounded_against()]),
        ("avx512", "(p->dim + 10)", "0", [on_a_sphere(seed) for seed in range(20)]),
        ("avx2", "(p->dim + 10)", "0", [on_a_sphere(seed) for seed in range(20)]),
    ],
    ids=["bf16", "avx512", "avx2"],
    indirect=["kernel"],
)
def test_a_smaller_bound_is_caught(kernel, right, wrong, problems, tmp_path, monkeypatch):
    """The same sources with a bound made smaller, built and run: their answers are not the nearest codes."""
    expected = [search_cpu(*problem).tolist() for problem in problems]
    monkeypatch.setattr(search_compiled, "KERNELS", [kernel])
    for name, replaced in (("as it is", right), ("smaller", wrong)):
        folder = tmp_path / name
        folder.mkdir()
        for header in ("search_kernel.h", "kernel_machine.h"):
            shutil.copy(SOURCES / header, folder)
        source = (SOURCES / "search_kernels.c").read_text()
        assert source.count(right) == 1
        (folder / "search_kernels.c").write_text(source.replace(right, replaced))
        module = built(folder, "search_kernels")
        monkeypatch.setattr(search_compiled, "search_by_kernel", module.search)
        assert ([find(*problem).tolist() for problem in problems] == expected) == (replaced == right)
