"""Operations of our own keep what `torch.library` asks of them: nothing checks it when they are called."""

import pytest
import torch

from quantizers import elementwise_compiled, fsq_compiled, search
from quantizers.elementwise_compiled import KERNELS
from quantizers.fsq_grid import grid_of

LEVELS = (8, 5, 5, 5)
OPERATIONS = sorted(
    name.split("::")[1] for name in torch._C._dispatch_get_all_op_names() if name.startswith("quantizers::")
)


def numbers(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


CALLS = {
    "add_commitment": lambda: (numbers(40, 4), numbers(40, 4), torch.tensor(0.5), numbers(40, 4)),
    "fsq": lambda: (numbers(40, 4), grid_of(LEVELS), torch.tensor([1.0, 8, 40, 200]), 1.0),
    "fsq_gradient": lambda: (numbers(40, 4), grid_of(LEVELS), numbers(40, 4), 1.0),
    "nearest_codes": lambda: (numbers(40, 4), numbers(9, 4)),
    "nearest_few": lambda: (numbers(40, 4), numbers(9, 4), 3),
    "signs": lambda: (numbers(40, 4), 0.5),
    "sum_of_squares": lambda: (numbers(40, 4), numbers(40, 4)),
    "sums_by_code": lambda: (numbers(40, 4), torch.arange(40) % 9, 9),
    "usage": lambda: (torch.arange(9.0),),
}
"""Arguments of each."""


def test_every_operation_is_here():
    assert all([elementwise_compiled, fsq_compiled, search])  # which register them
    assert list(CALLS) == OPERATIONS


@pytest.mark.parametrize("name", CALLS)
def test_no_argument_changes_and_shapes_are_as_said(name):
    if not KERNELS and not name.startswith("nearest"):
        pytest.skip("no kernels here")
    torch.library.opcheck(getattr(torch.ops.quantizers, name).default, CALLS[name]())
