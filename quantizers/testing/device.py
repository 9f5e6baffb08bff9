"""A GPU that is not there: operations run on fake CUDA tensors, which have shapes and a device but no values."""

import copy
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from quantizers.base import Quantizer
from quantizers.testing.contract import ContractError, Make, contract_line, expect, latent, objective, trained

COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)

READERS = (torch.ops.aten.multinomial.default, torch.ops.aten._linalg_check_errors.default)
"""Operations that read a value inside, where a fake tensor cannot see it."""

READING_TAGS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}


class _FirstStep(TorchDispatchMode):
    """Answers those who read a number that is a buffer: whether a codebook has started is looked at once per device."""

    def __init__(self, values: dict[Tensor, float]) -> None:
        super().__init__()
        self.values = values

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and args[0] in self.values:
            return self.values[args[0]]
        return func(*args, **(kwargs or {}))


class _NoWaiting(TorchDispatchMode):
    """Fails on operations that make the host wait for a GPU: copies from and to it, and values read in secret."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, Tensor)]
        on_cpu = any(tensor.device.type == "cpu" and (tensor.ndim > 0 or func in COPIES) for tensor in tensors)
        on_gpu = any(tensor.device.type != "cpu" for tensor in tensors)
        expect(not (on_cpu and on_gpu), f"{func} copies between a GPU and the host")
        expect(func not in READERS, f"{func} reads a value back to the host")
        return out


class _NoReading(TorchDispatchMode):
    """Fails on operations of real tensors that would read a value back to the host if they ran on a GPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        by_position = func is torch.ops.aten.index.Tensor and not any(
            index is not None and index.dtype is torch.bool for index in args[1]
        )
        reads = (READING_TAGS & set(func.tags) and not by_position) or func in READERS
        expect(not reads, f"the backward pass reads a value back to the host: {func}")
        return func(*args, **(kwargs or {}))


@contract_line("on a GPU no training step after the first, no eval and no decode waits for the host")
def check_no_host_sync(make: Make) -> None:
    quantizer = trained(make)
    for training in (True, False):
        _run_on_fake_gpu(quantizer.train(training), "a training step" if training else "eval mode and decode")
    # The engine that runs a backward pass on a GPU needs a real one: this part runs on the CPU.
    value = objective(quantizer.train()(latent(quantizer, 5, 3).requires_grad_()))
    with _NoReading():
        value.backward()


def _run_on_fake_gpu(quantizer: Quantizer, what: str) -> None:
    twin = copy.deepcopy(quantizer)
    numbers = {name: value.item() for name, value in twin.named_buffers() if value.ndim == 0}
    with FakeTensorMode():
        for module in twin.modules():
            for tensors in (module._parameters, module._buffers):
                tensors |= {name: _on_fake_gpu(value) for name, value in tensors.items() if value is not None}
        z = torch.empty(2, twin.dim, 5, 3, device="cuda", requires_grad=True)
        try:
            if twin.training:
                with _FirstStep({twin.get_buffer(name): value for name, value in numbers.items()}):
                    twin(z)
            with _NoWaiting():
                out = twin(z)
                if not twin.training:
                    twin.decode(out.codes)
        except (DataDependentOutputException, DynamicOutputShapeException) as error:
            expect(False, f"{what} reads a value back to the host: {error.func}")
        except ContractError:
            raise
        except AssertionError as error:  # fake tensors refuse to meet real ones
            expect("FakeTensor" not in str(error), f"{what} uses a tensor that is neither a parameter nor a buffer")
            raise
        for name, tensor in {"quantized": out.quantized, "codes": out.codes, "loss": out.loss, **out.stats}.items():
            expect(tensor.device == z.device, f"{what}: {name} is on {tensor.device}, the input on a GPU")


def _on_fake_gpu(tensor: Tensor) -> Tensor:
    """A tensor like it without values; to be called inside a `FakeTensorMode`."""
    twin = torch.empty(tensor.shape, dtype=tensor.dtype, device="cuda")
    return torch.nn.Parameter(twin, tensor.requires_grad) if isinstance(tensor, torch.nn.Parameter) else twin
