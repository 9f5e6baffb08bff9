"""Kernels for numbers one by one: the same codes as by PyTorch, also at borders, and the same gradients."""

import shutil
from pathlib import Path

import pytest
import torch
from c_extensions import built

from quantizers import create_quantizer, elementwise_compiled, estimators
from quantizers.elementwise_compiled import KERNELS, can_use_kernels, sums_by_code, usage_of_counts
from quantizers.estimators import committed
from quantizers.fsq_compiled import quantize_compiled
from quantizers.fsq_grid import bound_rows, nearest_digits, values_of_digits
from quantizers.radix import MixedRadix
from quantizers.search_compiled import KERNELS as SEARCH_KERNELS

LEVELS = [(8, 5, 5, 5), (8,) * 6, (2,) * 3, (2, 3), (3,), (1000, 999), (2,) * 24, (7, 5, 5, 5, 5)]


@pytest.fixture(params=["avx512", "avx2"])
def kernel(request, monkeypatch):
    if request.param not in KERNELS:
        pytest.skip("no such kernel here")
    monkeypatch.setattr(elementwise_compiled, "KERNELS", [request.param])
    return request.param


def without_kernels(monkeypatch, function):
    with monkeypatch.context() as patch:
        patch.setattr(elementwise_compiled, "KERNELS", [])
        return function()


def around_borders(quantizer, reach=40):
    """Every float32 near to where a channel passes from one level to the next, for all channels side by side."""
    shift, scale, centre, half_width, largest = quantizer.grid.double()
    channels = []
    for k in range(quantizer.dim):
        borders = torch.arange(int(largest[k])) + 0.5 - half_width[k]
        z = (torch.atanh((borders / half_width[k] - centre[k]) / scale[k]) - shift[k]) / quantizer.slope
        bits = z.float().view(torch.int32).unsqueeze(1) + torch.arange(-reach, reach + 1)
        channels.append(bits.flatten().to(torch.int32).view(torch.float32))
    longest = max(len(channel) for channel in channels)
    return torch.stack([channel.repeat(longest // len(channel) + 1)[:longest] for channel in channels], 1)


def random_rows(quantizer, count=5003):
    return 2 * torch.randn(count, quantizer.dim, generator=torch.Generator().manual_seed(0))


def test_kernels_are_built_with_those_of_the_search():
    assert [name for name in SEARCH_KERNELS if name != "bf16"] == KERNELS


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_another_processor_has_none(tmp_path):
    source = (Path(elementwise_compiled.__file__).parent / "elementwise_kernels.c").read_text()
    condition = "#if defined(__x86_64__) && defined(__GNUC__)"
    assert source.count(condition) == 1
    (tmp_path / "elementwise_kernels.c").write_text(source.replace(condition, "#if 0"))
    assert built(tmp_path, "elementwise_kernels").kernel_names() == []


@pytest.mark.parametrize("slope", [1.0, 0.8, 37.5])
@pytest.mark.parametrize("levels", LEVELS, ids=str)
def test_fsq_has_equal_codes_and_values(kernel, levels, slope, monkeypatch):
    quantizer = create_quantizer("fsq", levels=levels, slope=slope)
    for rows in (random_rows(quantizer), around_borders(quantizer), 1e30 * random_rows(quantizer, 100)):
        ours, reference = quantizer(rows), without_kernels(monkeypatch, lambda rows=rows: quantizer(rows))
        assert torch.equal(ours.codes, reference.codes)
        assert torch.equal(ours.quantized.view(torch.int32), reference.quantized.view(torch.int32))


def test_codes_at_borders_need_the_proof(kernel, monkeypatch):
    """Without a bound the kernel's own tangent, which is not PyTorch's, decides, and sometimes otherwise."""
    quantizer = create_quantizer("fsq", levels=(8, 5, 5, 5))
    rows = around_borders(quantizer)
    expected = without_kernels(monkeypatch, lambda: quantizer(rows).codes)
    monkeypatch.setattr("quantizers.fsq_compiled.ROUNDING", 0.0)
    assert not torch.equal(quantizer(rows).codes, expected)


def test_few_rows_are_left_to_pytorch(kernel, monkeypatch):
    left = []
    monkeypatch.setattr(
        "quantizers.fsq_compiled.bound_rows", lambda rows, *rest: (left.append(len(rows)), bound_rows(rows, *rest))[1]
    )
    quantizer = create_quantizer("fsq", levels=(8,) * 6)
    quantizer(random_rows(quantizer, 200_000))
    assert sum(left) < 60


@pytest.mark.parametrize("levels", [(8, 5, 5, 5), (3,)])
def test_what_is_no_number_is_as_by_pytorch(kernel, levels):
    """Of which a compiled graph, which cannot look, may hold some."""
    quantizer = create_quantizer("fsq", levels=levels)
    radix = quantizer.radix
    rows = random_rows(quantizer, 50)
    rows[3, 0], rows[7, -1], rows[20, 0], rows[21, 0] = torch.nan, torch.nan, torch.inf, -torch.inf
    values, codes = quantize_compiled(rows, quantizer.grid, radix.radix, 1.0)
    digits = nearest_digits(bound_rows(rows, quantizer.grid, 1.0), quantizer.grid)
    torch.testing.assert_close(values, values_of_digits(digits, quantizer.grid), rtol=0, atol=0, equal_nan=True)
    assert torch.equal(codes, radix.encode(digits))


@pytest.mark.parametrize("slope", [1.0, 0.8])
@pytest.mark.parametrize("levels", [(8, 5, 5, 5), (2, 1000)])
def test_the_gradient_is_that_of_the_bounding(kernel, levels, slope):
    quantizer = create_quantizer("fsq", levels=levels, slope=slope)
    rows = torch.cat([4 * random_rows(quantizer), around_borders(quantizer)]).requires_grad_()
    upstream = torch.randn(rows.shape)
    found, of_bound = (
        torch.autograd.grad(out, rows, upstream)[0] for out in (quantizer(rows).quantized, quantizer.bound(rows))
    )
    assert torch.equal(found, of_bound)
    exact = rows.detach().double().requires_grad_()
    (expected,) = torch.autograd.grad(bound_rows(exact, quantizer.grid.double(), slope), exact, upstream.double())
    assert ((found - expected).abs() <= 3e-5 * expected.abs() + 1e-14).all()


def test_rows_that_are_not_contiguous(kernel, monkeypatch):
    quantizer = create_quantizer("fsq")
    z = torch.randn(2, 4, 7, 5).transpose(2, 3).requires_grad_()
    for images in (z, z[:1], z[:, :, ::2]):
        ours, reference = quantizer(images), without_kernels(monkeypatch, lambda images=images: quantizer(images))
        assert torch.equal(ours.codes, reference.codes)
        of_ours, of_reference = (torch.autograd.grad(out.quantized.sum(), z)[0] for out in (ours, reference))
        torch.testing.assert_close(of_ours, of_reference)


@pytest.mark.parametrize("threads", [2, 3])
def test_any_number_of_threads(kernel, threads):
    """A batch of several blocks, the last of them not whole."""
    quantizer = create_quantizer("fsq", levels=(8, 6, 5))
    rows, chosen = random_rows(quantizer, 70_001), torch.randn(70_001, 3)
    expected = quantizer(rows), committed(rows, chosen)[1]
    torch.set_num_threads(threads)
    assert torch.equal(quantizer(rows).codes, expected[0].codes)
    assert torch.equal(quantizer(rows).quantized, expected[0].quantized)
    assert torch.equal(committed(rows, chosen)[1], expected[1])


@pytest.mark.parametrize("dim", [1, 31, 32, 33, 256])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_sums_by_code_are_those_of_pytorch_to_the_last_digit(kernel, threads, dim):
    rows, codes = torch.randn(20_000, dim), torch.randint(37, (20_000,))
    expected = torch.zeros(40, dim).index_add_(0, codes, rows)
    torch.set_num_threads(threads)
    assert torch.equal(sums_by_code(rows, codes, 40), expected)
    assert torch.equal(sums_by_code(rows[:0], codes[:0], 40), torch.zeros(40, dim))


@pytest.mark.parametrize("outside", [-1, 7, 2**40])
def test_sums_of_codes_that_there_are_not(kernel, outside):
    with pytest.raises(IndexError, match=r"codes must lie in \[0, 7\)"):
        sums_by_code(torch.randn(3, 5), torch.tensor([0, outside, 6]), 7)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 20_000])
def test_commitment(kernel, count, monkeypatch):
    rows, chosen, upstream = torch.randn(3, count, 5).unbind()

    def value_and_gradient():
        leaf = rows.clone().requires_grad_()
        quantized, error = committed(leaf, chosen)
        (gradient,) = torch.autograd.grad([quantized, error], leaf, [upstream, torch.tensor(0.7)])
        assert torch.equal(quantized, chosen)
        return error.detach(), gradient

    for ours, reference in zip(value_and_gradient(), without_kernels(monkeypatch, value_and_gradient), strict=True):
        torch.testing.assert_close(ours, reference)


def test_sums_of_squares_are_close_to_exact(kernel):
    rows, chosen = torch.randn(300_007), torch.randn(300_007)
    exact = (rows.double() - chosen.double()).square().sum()
    assert elementwise_compiled.sum_of_squares(rows, chosen).double() == pytest.approx(exact.item(), rel=1e-6)


def test_kernels_take_float32_on_a_cpu_alone(kernel):
    assert can_use_kernels(torch.zeros(2))
    assert not can_use_kernels(torch.zeros(2), torch.zeros(2).double())
    assert not can_use_kernels(torch.zeros(2).bfloat16())
    assert not can_use_kernels(torch.zeros(2, device="meta"))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_go_by_pytorch(kernel, dtype, monkeypatch):
    quantizer = create_quantizer("fsq").to(dtype)
    rows = random_rows(quantizer, 200).to(dtype)
    expected = without_kernels(monkeypatch, lambda: quantizer(rows))
    assert torch.equal(quantizer(rows).codes, expected.codes)
    assert quantizer(rows).quantized.dtype == dtype


def test_codes_past_float32_go_by_pytorch(kernel, monkeypatch):
    quantizer = create_quantizer("fsq", levels=(2,) * 25)
    rows = random_rows(quantizer, 300)
    assert torch.equal(quantizer(rows).codes, without_kernels(monkeypatch, lambda: quantizer(rows).codes))
    assert quantizer.radix.radix.dtype == torch.int64


def test_a_graph_is_traced_with_its_operations(kernel):
    """A tracer that runs on real tensors meets operations and not what kernels made of them."""
    from torch.fx.experimental.proxy_tensor import make_fx

    quantizer = create_quantizer("fsq").eval()
    graph = make_fx(lambda rows: quantizer.bound_and_quantize(rows).codes)(torch.randn(50, 4))
    rows = torch.randn(50, 4)
    assert torch.equal(graph(rows), quantizer(rows).codes)


@pytest.mark.parametrize("part", ["bound", "quantized"])
def test_second_derivatives(kernel, part):
    """In float32, which kernels take, against float64, which PyTorch differentiates."""
    quantizer = create_quantizer("fsq", slope=0.8)
    rows, upstream, along = torch.randn(3, 7, 4).unbind()

    def second(quantizer, dtype):
        leaf = rows.to(dtype).requires_grad_()
        out = quantizer.bound(leaf) if part == "bound" else quantizer(leaf).quantized
        (first,) = torch.autograd.grad(out, leaf, upstream.to(dtype), create_graph=True)
        return torch.autograd.grad((first * along.to(dtype)).sum(), leaf)[0]

    single = second(quantizer, torch.float32)
    torch.testing.assert_close(single.double(), second(quantizer.double(), torch.float64), rtol=1e-4, atol=1e-6)


def test_transforms_of_functions(kernel):
    quantizer = create_quantizer("fsq")
    rows = torch.randn(9, 4)
    upstream = torch.randn(9, 4)
    by_func = torch.func.grad(lambda rows: (quantizer(rows).quantized * upstream).sum())(rows)
    leaf = rows.clone().requires_grad_()
    torch.testing.assert_close(by_func, torch.autograd.grad(quantizer(leaf).quantized, leaf, upstream)[0])


@pytest.mark.parametrize("quantized", [estimators.straight_through, lambda *pair: committed(*pair)[0]])
def test_without_gradients_the_value_is_the_same(quantized):
    rows, chosen = torch.randn(2, 6, 3).unbind()
    with torch.no_grad():
        assert torch.equal(quantized(rows, chosen), chosen)


def test_pytorch_bounds_a_row_as_it_does_in_a_batch():
    """What a kernel leaves is done again row by row, and must come out as in the whole batch."""
    quantizer = create_quantizer("fsq", levels=(8, 5, 3))
    rows = random_rows(quantizer, 4096)
    together = bound_rows(rows, quantizer.grid, 0.8)
    for count in (1, 3, 7):
        few = torch.cat([bound_rows(part, quantizer.grid, 0.8) for part in rows.split(count)])
        assert torch.equal(few, together)
    digits = nearest_digits(together, quantizer.grid)
    assert torch.equal(torch.cat([nearest_digits(part, quantizer.grid) for part in together.split(3)]), digits)
    assert torch.equal(MixedRadix((8, 5, 3)).encode(digits), quantizer.radix.encode(digits))


@pytest.mark.parametrize("size", [1, 15, 1000, 2**14 + 7, 2**18])
def test_usage_and_perplexity_are_those_of_float64(kernel, size):
    generator = torch.Generator().manual_seed(0)
    largest = 3 if size == 2**18 else 10**6
    counts = torch.randint(1 + largest, (size,), generator=generator) * torch.randint(2, (size,), generator=generator)
    counts[0] = 1
    perplexity, usage = usage_of_counts(counts.float())
    entropy = torch.special.entr(counts / counts.sum(dtype=torch.float64)).sum()
    assert perplexity.item() == pytest.approx(entropy.exp().item(), rel=1e-5)
    assert usage.item() == pytest.approx((counts > 0).double().mean().item(), rel=1e-7)


def test_no_codes_have_a_perplexity_of_1_and_threads_change_nothing(kernel):
    assert [value.item() for value in usage_of_counts(torch.zeros(20))] == [1, 0]
    counts = torch.randint(5, (2**17 + 3,), generator=torch.Generator().manual_seed(0)).float()
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = usage_of_counts(counts)
        torch.set_num_threads(3)
        assert usage_of_counts(counts) == alone
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("bits", [1, 2, 14, 16, 18, 31, 33, 62])
@pytest.mark.parametrize("method", ["lfq", "bsq"])
def test_signs_and_their_codes_are_those_of_pytorch(kernel, method, bits, monkeypatch):
    quantizer = create_quantizer(method, bits=bits).eval()
    rows = random_rows(quantizer, 16 * 1024 // bits + 5)  # more than one thread takes at a time
    for place, number in enumerate([0.0, -0.0, 1e-45, -1e-45, 3e38, -3e38]):
        rows[place] = number
    values, codes = quantizer._nearest(rows)
    assert (values[:6, 0] > 0).tolist() == [False, False, True, False, True, False]
    expected = without_kernels(monkeypatch, lambda: quantizer._nearest(rows))
    assert torch.equal(values, expected[0])
    assert torch.equal(codes, expected[1])
    many = rows.repeat(40, 1)
    assert torch.equal(elementwise_compiled.quantize_by_sign(many, 0.5)[1], codes.repeat(40))


def test_what_is_no_number_has_the_sign_that_pytorch_gives_it(kernel, monkeypatch):
    quantizer = create_quantizer("lfq", bits=20)
    rows = random_rows(quantizer, 33)
    rows[3, 17], rows[32, 0] = float("nan"), -float("nan")
    values, codes = quantizer._nearest(rows)
    expected = without_kernels(monkeypatch, lambda: quantizer._nearest(rows))
    assert torch.equal(values, expected[0])
    assert torch.equal(codes, expected[1])
