"""Memory: the largest tensor that a step makes."""

from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from quantizers.testing.contract import Make, contract_line, expect, latent, objective, trained

POSITIONS = 4096
COUNTED_CODES = 2**20
"""Statistics of this many codes are allowed: megabytes, whatever the batch."""


class LargestTensor(TorchDispatchMode):
    """Records the number of elements of the largest tensor that any operation returns."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self.elements = max(self.elements, leaf.numel())
        return out


@contract_line("memory: no N x K tensor in a training step or in eval mode (unless holds_logits), no implicit codebook")
def check_memory(make: Make) -> None:
    quantizer = trained(make)
    size = quantizer.codebook_size
    input_elements = POSITIONS * quantizer.dim * quantizer.codes_per_position
    forbidden = POSITIONS * size
    if getattr(quantizer, "holds_logits", False) or forbidden < 16 * input_elements:
        return  # by definition, or N x K would not stand out against the input
    z = latent(quantizer, POSITIONS // 2).requires_grad_()
    for training in (True, False):
        quantizer.train(training)
        with LargestTensor() as largest:
            objective(quantizer(z)).backward()
        state = max((tensor.numel() for tensor in quantizer.state_dict().values()), default=0)
        allowed = max(8 * input_elements, 2 * state, 2 * COUNTED_CODES)
        allowed = min(allowed, forbidden // 2)
        expect(
            largest.elements <= allowed,
            f"a tensor of {largest.elements} elements was made for {POSITIONS} positions and {size} codes",
        )
