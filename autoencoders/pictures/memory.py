"""How much memory a training step needs, counted without allocating it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks

from autoencoders.backbones import code_maps_of, create_tokenizer
from autoencoders.losses import frozen
from autoencoders.pictures.discriminator import PatchDiscriminator
from autoencoders.pictures.loss_config import LossConfig
from autoencoders.pictures.perceptual import LPIPSLoss, MSSSIMLoss, build_lpips, choose_perceptual
from autoencoders.pictures.sizes import PictureBackboneConfig
from autoencoders.tokenizer import TrainableTokenizer
from quantizers import QuantizerOutput
from quantizers.none import NoQuantizer


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes that a training step needs at its peak."""

    weights: int
    """Weights, gradients and Adam's moments of both players, the averaged weights, and LPIPS."""
    activations: int
    """What the generator's forward pass keeps for its backward pass, and the block being recomputed."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.activations


def training_memory(
    config: PictureBackboneConfig,
    loss: LossConfig,
    batch_size: int,
    *,
    dim: int,
    precision: torch.dtype = torch.float32,
    device: str = "cpu",
    weight_average: bool = True,
) -> TrainingMemory:
    """Memory of a training step on one device, for a quantizer of `dim` channels and autocast to `precision`.

    The forward pass runs on fake tensors, which have shapes and no memory, and every tensor that autograd
    saves is counted once. Not counted: the quantizer's own codebook and distances, the workspace of the
    kernels, the batch being loaded, and the process itself (some hundred megabytes).
    """
    choice = choose_perceptual(loss.perceptual, loss.lpips_backbone)
    lpips = build_lpips() if choice.kind == "lpips" else None
    with FakeTensorMode(allow_non_fake_inputs=True), torch.device(device):
        tokenizer = create_tokenizer(config, [_PassThrough(dim=dim) for _ in code_maps_of(config)])
        discriminator = None
        if loss.gan != "none":
            discriminator = PatchDiscriminator(loss.discriminator_layers, loss.discriminator_width, config.in_channels)
        perceptual = None
        if choice.kind != "none":
            perceptual = MSSSIMLoss() if lpips is None else LPIPSLoss(_fake(lpips))
        images = torch.rand(batch_size, config.in_channels, config.image_size, config.image_size)

        def forward() -> list[Tensor]:
            with torch.autocast(device, precision, enabled=precision != torch.float32):
                reconstruction = tokenizer(images).reconstruction
                losses = [(reconstruction.float() - images).abs().mean()]
                if perceptual is not None:
                    losses.append(perceptual(reconstruction, images))
                if discriminator is not None:
                    with frozen(discriminator) as critic:
                        losses.append(critic(reconstruction).mean())
                return losses

        activations = _saved_bytes(forward)
        if getattr(config, "gradient_checkpointing", False):
            activations += _largest_block(tokenizer, forward)
    copies = 5 if weight_average else 4  # weights, gradients, two moments, average
    weights = copies * _bytes(tokenizer)
    weights += 4 * _bytes(discriminator) if discriminator is not None else 0
    weights += _bytes(lpips) if lpips is not None else 0
    return TrainingMemory(weights, activations)


class _PassThrough(NoQuantizer):
    """Hands its input on, unread: a fake tensor has no values to check or to code."""

    def forward(self, z: Float[Tensor, "b d *grid"]) -> QuantizerOutput:
        return QuantizerOutput(z, z.new_zeros((len(z), 1, *z.shape[2:]), dtype=torch.int64), z.new_zeros(()), {})


def _bytes(module: nn.Module) -> int:
    return sum(parameter.nbytes for parameter in module.parameters())


def _fake(module: nn.Module) -> nn.Module:
    """The module with tensors of the fake mode in force in place of its own."""
    for part in module.modules():
        for name, parameter in part.named_parameters(recurse=False):
            setattr(part, name, nn.Parameter(torch.empty(parameter.shape), requires_grad=False))
        for name, buffer in part.named_buffers(recurse=False):
            setattr(part, name, torch.empty(buffer.shape))
    return module


def _saved_bytes(forward: Callable[[], object]) -> int:
    """Bytes of the storages that autograd keeps for a backward pass through `forward`, without parameters."""
    storages: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            storages[storage._cdata] = storage
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        kept = forward()  # noqa: F841 - the graph must live until the storages are summed
        return sum(storage.nbytes() for storage in storages.values())


def _largest_block(tokenizer: TrainableTokenizer, forward: Callable[[], object]) -> int:
    """Bytes that the most expensive checkpointed block saves while it is recomputed."""
    inputs: dict[nn.Module, Tensor] = {}
    blocks = tokenizer.blocks()
    hooks = [block.register_forward_pre_hook(lambda block, args: inputs.update({block: args[0]})) for block in blocks]
    with torch.no_grad():
        forward()
    for hook in hooks:
        hook.remove()
    return max(_saved_bytes(partial(block, inputs[block])) for block in blocks)
