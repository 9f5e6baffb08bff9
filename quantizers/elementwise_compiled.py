"""Arithmetic on every number of a batch by kernels in C: one pass over memory where PyTorch makes several.

Each is one opaque operation, as the search is: compiled graphs and tracers see it whole, and under transforms of
`torch.func`, which wrap tensors, kernels see plain ones. Results are equal whatever the number of threads.
"""

import math

import torch
from torch import Tensor

from quantizers.exporting import is_exporting
from quantizers.operations import operation

try:
    from quantizers import elementwise_kernels
except ImportError:  # installed where no compiler was
    KERNELS: list[str] = []
else:
    KERNELS = elementwise_kernels.kernel_names()

NUMBERS_PER_THREAD = 2**15
"""That are worth another thread, a hundredth of a millisecond."""


def can_use_kernels(*tensors: Tensor) -> bool:
    """Whether kernels take these: float32 in a CPU's memory, on a processor that has one. An exported program is to run
    without this package."""
    return (
        bool(KERNELS)
        and not is_exporting()
        and all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in tensors)
    )


def kernel_and_threads(numbers: int) -> tuple[str, int]:
    """The first arguments of every kernel: which, and on how many threads so many numbers are worth."""
    return KERNELS[0], max(1, min(torch.get_num_threads(), numbers // NUMBERS_PER_THREAD))


@operation("signs")
def quantize_by_sign(rows: Tensor, magnitude: float) -> tuple[Tensor, Tensor]:
    """Rows (N, D), which kernels take, as +`magnitude` where a number is above 0 and -`magnitude` where not, and codes
    (N) whose bit k belongs to channel k; D is at most 62."""
    rows = rows.contiguous()
    quantized, codes = torch.empty_like(rows), torch.empty(rows.shape[0], dtype=torch.int64)
    kernel, threads = kernel_and_threads(rows.numel())
    elementwise_kernels.quantize_by_sign(
        kernel,
        threads,
        rows.shape[0],
        rows.shape[1],
        rows.data_ptr(),
        magnitude,
        quantized.data_ptr(),
        codes.data_ptr(),
    )
    return quantized, codes


@torch.library.register_fake(quantize_by_sign)
def _(rows: Tensor, magnitude: float) -> tuple[Tensor, Tensor]:
    return rows.new_empty(rows.shape), rows.new_empty(rows.shape[0], dtype=torch.int64)


@operation("sum_of_squares")
def sum_of_squares(rows: Tensor, quantized: Tensor) -> Tensor:
    """Sum of (rows - quantized)^2 over all elements of two tensors of one shape that kernels take."""
    rows, quantized = rows.contiguous(), quantized.contiguous()
    kernel, threads = kernel_and_threads(rows.numel())
    total = elementwise_kernels.sum_of_squares(kernel, threads, rows.numel(), rows.data_ptr(), quantized.data_ptr())
    return torch.tensor(total, dtype=rows.dtype)


@torch.library.register_fake(sum_of_squares)
def _(rows: Tensor, quantized: Tensor) -> Tensor:
    return rows.new_empty(())


@operation("add_commitment")
def add_commitment(rows: Tensor, quantized: Tensor, factor: Tensor, gradient: Tensor) -> Tensor:
    """`gradient` + factor (`rows` - `quantized`), for three tensors of one shape, and a scalar, that kernels take."""
    rows, quantized, gradient = rows.contiguous(), quantized.contiguous(), gradient.contiguous()
    out = torch.empty_like(rows)
    kernel, threads = kernel_and_threads(rows.numel())
    elementwise_kernels.add_commitment(
        kernel,
        threads,
        rows.numel(),
        rows.data_ptr(),
        quantized.data_ptr(),
        factor.item(),
        gradient.data_ptr(),
        out.data_ptr(),
    )
    return out


@torch.library.register_fake(add_commitment)
def _(rows: Tensor, quantized: Tensor, factor: Tensor, gradient: Tensor) -> Tensor:
    return rows.new_empty(rows.shape)


@operation("sums_by_code")
def sums_by_code(rows: Tensor, codes: Tensor, size: int) -> Tensor:
    """Sums (K, D) of the rows (N, D), which kernels take, with each code (N) of `size`; equal to those of `index_add_`.

    Threads share the channels and not the rows, so that a sum is made in the order of the rows.

    Raises:
        IndexError: a code is not in [0, `size`).
    """
    rows, codes = rows.contiguous(), codes.contiguous()
    sums = rows.new_zeros(size, rows.shape[1])
    kernel, threads = kernel_and_threads(rows.numel())
    elementwise_kernels.add_rows_by_code(
        kernel, threads, rows.shape[0], rows.shape[1], rows.data_ptr(), codes.data_ptr(), size, sums.data_ptr()
    )
    return sums


@torch.library.register_fake(sums_by_code)
def _(rows: Tensor, codes: Tensor, size: int) -> Tensor:
    return rows.new_empty(size, rows.shape[1])


@operation("usage")
def usage_of_counts(counts: Tensor) -> tuple[Tensor, Tensor]:
    """exp(entropy in nats) of counts (K), which kernels take, and the share of those that are not 0."""
    counts = counts.contiguous()
    kernel, threads = kernel_and_threads(counts.numel())
    total, information, used = elementwise_kernels.information_of_counts(
        kernel, threads, counts.numel(), counts.data_ptr()
    )
    entropy = math.log(max(total, 1)) - information / max(total, 1)
    return torch.tensor(math.exp(entropy), dtype=counts.dtype), torch.tensor(used / len(counts), dtype=counts.dtype)


@torch.library.register_fake(usage_of_counts)
def _(counts: Tensor) -> tuple[Tensor, Tensor]:
    return counts.new_empty(()), counts.new_empty(())
