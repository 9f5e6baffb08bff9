"""The Triton search: results in Triton's interpreter against float64 brute force, and compiled without a GPU.

Both need a process of their own: Triton reads TRITON_INTERPRET when it is imported.
"""

import importlib
import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from quantizers import search_triton
from quantizers.search_triton import MIN_CODES, MIN_SCORES, can_use_triton

ROOT = Path(search_triton.__file__).parents[1]
TRITON = find_spec("triton")
needs_triton = pytest.mark.skipif(TRITON is None, reason="triton is not installed")

INTERPRET = """
import sys
import torch
from quantizers.search_triton import _best_by_score, nearest_codes_triton

cases = torch.load(sys.argv[1])
answers = {name: nearest_codes_triton(*case) for name, case in cases["search"].items()}
scores = {name: _best_by_score(*case) for name, case in cases["scores"].items()}
torch.save({"search": answers, "scores": scores}, sys.argv[2])
"""

COMPILE = """
import re
import subprocess
import sys
from pathlib import Path
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from quantizers.search_triton import BLOCK_CODES, BLOCK_ROWS, DECIDED_ELEMENTS, WARPS, _block_dim
from quantizers.search_triton_kernels import best_two_scores, decide_by_distance

cuobjdump = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
machine_code = Path(sys.argv[1]) / "kernel.cubin"
score_types = ["*fp32"] * 4 + ["*i32", "*fp32"] + ["i32"] * 3
decide_types = ["*fp32", "*fp32", "*i1", "*i64", "i32"]
for capability, dim in ((80, 8), (90, 32), (120, 256)):
    width = _block_dim(dim)
    whole = {"dim": -(-dim // width) * width, "block_rows": BLOCK_ROWS, "block_codes": BLOCK_CODES, "block_dim": width}
    decide = {"dim": dim, "block_codes": DECIDED_ELEMENTS // width, "block_dim": width}
    for kernel, types, sizes, warps, multiples_of_16 in (
        (best_two_scores, score_types, whole, WARPS, 9),
        (decide_by_distance, decide_types, decide, 8, 4),
    ):
        signature = dict(zip(kernel.arg_names, types + ["constexpr"] * len(sizes), strict=True))
        attributes = {(i,): [["tt.divisibility", 16]] for i in range(multiples_of_16)}
        source = ASTSource(kernel, signature, sizes, attributes)
        code = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": warps})
        machine_code.write_bytes(code.asm["cubin"])
        command = [cuobjdump, "-res-usage", machine_code]
        usage = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        stack = re.search(r"STACK:(\\d+)", usage)[1]
        print(kernel.__name__, capability, dim, "tensor cores" if "mma" in code.asm["ptx"] else "float32", stack)
"""


def run(script, *arguments, **environment):
    process = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def make_cases():
    generator = torch.Generator().manual_seed(0)

    def normal(count, dim):
        return torch.randn(count, dim, generator=generator)

    def integers(high, *shape):
        return torch.randint(high, shape, generator=generator)

    cases = {
        f"{n} rows, {k} codes, {d} channels": (normal(n, d), normal(k, d))
        for n, k, d in [
            (1, 1, 1),
            (1, 300, 8),
            (3, 2, 33),
            (5, 3001, 3),
            (64, 64, 8),
            (65, 63, 1),
            (130, 1, 8),
            (200, 129, 32),
            (70, 1000, 8),
            (33, 1024, 256),
            (10, 257, 33),
            (129, 511, 40),
        ]
    }
    cases["ties"] = integers(3, 40, 3).float(), integers(3, 700, 3).float()
    cases["midway between codes"] = integers(5, 40, 2) + 0.5, integers(6, 400, 2).float()
    vectors = normal(150, 9)
    codes = vectors[integers(150, 1100)]
    cases["duplicates"] = codes[:40] + 1e-3 * normal(40, 9), codes
    cases["all codes equal"] = normal(9, 4), torch.ones(1100, 4)
    for scale in (1e-30, 1e-22, 1e-18, 1e18, 1e30):
        cases[f"scale {scale}"] = normal(20, 8) * scale, normal(300, 8) * scale
    cases["common offset"] = normal(80, 8) + 1e4, normal(600, 8) + 1e4
    cases["rows far from all codes"] = normal(80, 8) * 1e4 + 1e6, normal(300, 8)
    cases["a huge code"] = 1e-3 * normal(30, 8), torch.cat([1e-3 * normal(400, 8), torch.full((1, 8), 1e6)])
    centres = 1e5 * normal(10, 8)
    cases["clusters far apart"] = centres.repeat(4, 1) + normal(40, 8), centres.repeat(40, 1) + normal(400, 8)
    cases["not contiguous"] = integers(3, 4, 30).float().T, integers(3, 4, 300).float().T
    return cases


def make_score_cases():
    """Small integers, whose scores are exact in float32, with many ties within and across blocks and splits."""
    generator = torch.Generator().manual_seed(1)
    cases = {}
    for n, k, d in [(70, 2000, 2), (3, 64, 3), (65, 1, 1), (20, 900, 40), (129, 130, 8)]:
        rows, codes = (torch.randint(-2, 3, (m, d), generator=generator).float() for m in (n, k))
        cases[f"{n} rows, {k} codes, {d} channels"] = rows, codes, codes.square().sum(1) / 2
    return cases


CASES, SCORE_CASES = make_cases(), make_score_cases()


@pytest.fixture(scope="session")
def interpreted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("triton")
    torch.save({"search": CASES, "scores": SCORE_CASES}, folder / "cases.pt")
    run(INTERPRET, folder / "cases.pt", folder / "answers.pt", TRITON_INTERPRET="1")
    return torch.load(folder / "answers.pt")


def expect_nearest(found, rows, codes):
    distances = torch.cdist(rows.double(), codes.double(), compute_mode="donot_use_mm_for_euclid_dist")
    assert found.dtype == torch.int64
    assert torch.equal(found, distances.argmin(1))  # the lowest index of equal ones


@needs_triton
@pytest.mark.parametrize("name", CASES)
def test_nearest(name, interpreted):
    expect_nearest(interpreted["search"][name], *CASES[name])


@needs_triton
@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here")
@pytest.mark.parametrize("name", CASES)
def test_nearest_on_a_gpu(name):
    rows, codes = CASES[name]
    expect_nearest(search_triton.nearest_codes_triton(rows.cuda(), codes.cuda()).cpu(), rows, codes)


@needs_triton
@pytest.mark.parametrize("name", SCORE_CASES)
def test_best_score_and_the_gap_to_the_second(name, interpreted):
    rows, codes, half_norms = SCORE_CASES[name]
    scores = rows @ codes.T - half_norms
    code, gap = interpreted["scores"][name]
    assert torch.equal(code, scores.argmax(1))
    best, second = torch.nn.functional.pad(scores, (0, 1), value=-math.inf).topk(2).values.unbind(1)
    assert torch.equal(gap, best - second)


@pytest.mark.slow
@pytest.mark.skipif(
    TRITON is None or not (Path(TRITON.origin).parent / "backends/nvidia/bin/ptxas").exists(),
    reason="triton's compiler for NVIDIA is not installed",
)
def test_compiles_to_float32_products_almost_without_spills(tmp_path):
    out = run(COMPILE, tmp_path, TRITON_INTERPRET="0", TRITON_CACHE_DIR=str(tmp_path / "cache"))
    assert "tensor cores" not in out  # which would round the factors to TF32
    spilled_bytes = [int(line.split()[-1]) for line in out.splitlines()]
    assert len(spilled_bytes) == 6
    assert max(spilled_bytes) <= 32, out


@pytest.fixture
def nvidia(monkeypatch):
    """A machine that says it has a GPU, with tensors that hold nothing."""
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    monkeypatch.setattr(search_triton, "_has_triton", lambda: True)
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield


ENOUGH_ROWS = MIN_SCORES // MIN_CODES


@pytest.mark.parametrize(
    ("rows", "codes", "dim", "dtype", "device", "expected"),
    [
        (ENOUGH_ROWS, MIN_CODES, 8, torch.float32, "cuda", True),
        (8192, 16384, 8, torch.float32, "cuda", True),
        (ENOUGH_ROWS - 1, MIN_CODES, 8, torch.float32, "cuda", False),
        (4 * ENOUGH_ROWS, MIN_CODES - 1, 8, torch.float32, "cuda", False),
        (8192, 16384, 256, torch.float32, "cuda", False),
        (8192, 16384, 8, torch.float64, "cuda", False),
        (8192, 16384, 8, torch.float32, "cpu", False),
    ],
)
def test_rule(rows, codes, dim, dtype, device, expected, nvidia):
    make = lambda count: torch.empty(count, dim, dtype=dtype, device=device)  # noqa: E731
    assert can_use_triton(make(rows), make(codes)) is expected


def test_rule_without_triton(nvidia, monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)  # what `import triton` finds is then nothing
    monkeypatch.delitem(sys.modules, "quantizers.search_triton")
    fresh = importlib.import_module("quantizers.search_triton")
    rows = torch.empty(8192, 8, device="cuda")
    assert not fresh.can_use_triton(rows, torch.empty(16384, 8, device="cuda"))
