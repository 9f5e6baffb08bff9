"""The PatchGAN discriminator of Isola et al. 2017 (arXiv:1611.07004), as VQGAN trains against it."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from quantizers.distributed import differentiable_sum_over_ranks, world_size


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose statistics are those of the whole batch, over all ranks.

    Alone it is `nn.BatchNorm2d`. `nn.SyncBatchNorm` does the same, but refuses CPU tensors, as does DDP on a
    CPU around a module that holds one; here two gloo ranks equal one rank as two GPUs do. Mean and squared
    deviations are summed by two differentiable all-reduces, in fp32 at least, with the number of values, so that ranks
    may have batches of unequal size.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if not self.training or world_size() == 1:
            return super().forward(input)
        x = input.to(torch.promote_types(input.dtype, torch.float32))
        values = x.new_full((1,), x.numel() / x.shape[1])
        sums = differentiable_sum_over_ranks(torch.cat([x.sum((0, 2, 3)), values]))
        values = sums[-1].detach()
        mean = (sums[:-1] / values)[:, None, None]
        variance = differentiable_sum_over_ranks((x - mean).square().sum((0, 2, 3))) / values
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean.flatten(), self.momentum)
            self.running_var.lerp_(variance * values / (values - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return torch.addcmul(self.bias[:, None, None], x - mean, scale[:, None, None]).to(input.dtype)


class PatchDiscriminator(nn.Module):
    """Pictures (B, in_channels, H, W) to one logit per overlapping patch, (B, 1, h, w), positive for real.

    `layers` stride-2 convolutions (4 × 4, doubling the width up to eight times `width`), one at stride 1, and
    the logit; at three layers a patch is 70 × 70 pixels. Sides must be at least 3 · 2^layers. Weights start
    as N(0, 0.02), norms as N(1, 0.02).
    """

    def __init__(self, layers: int = 3, width: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        self.smallest_side = 3 * 2**layers
        self.main = patch_layers(nn.Conv2d, GlobalBatchNorm2d, 4, layers, width, in_channels)
        self.apply(initialise)

    def forward(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b 1 h w"]:
        if min(images.shape[-2:]) < self.smallest_side:
            height, width = images.shape[-2:]
            raise ValueError(
                f"the discriminator needs sides of at least {self.smallest_side} pixels, "
                f"got {height} × {width}; give it fewer layers."
            )
        return self.main(images)


def patch_layers(
    convolution: Callable[..., nn.Module],
    norm: Callable[[int], nn.Module],
    kernel: int | tuple[int, ...],
    layers: int,
    width: int,
    in_channels: int,
) -> nn.Sequential:
    """The convolutions to one logit per patch, over any number of axes.

    Args:
        convolution: Makes one, as `nn.Conv2d`.
        norm: Makes the norm of a number of channels.
        kernel: Samples that each convolution sees along the axes.
        layers: Convolutions at stride 2, at least one; one at stride 1 and the logit follow.

    Raises:
        ValueError: layers or width under 1.
    """
    if layers < 1 or width < 1:
        raise ValueError(f"layers and width must be at least 1, got {layers} and {width}.")
    widths = [width * min(2**layer, 8) for layer in range(layers + 1)]
    modules: list[nn.Module] = [convolution(in_channels, width, kernel, stride=2, padding=1), nn.LeakyReLU(0.2)]
    for layer in range(1, layers + 1):
        stride = 2 if layer < layers else 1
        modules += [
            convolution(widths[layer - 1], widths[layer], kernel, stride=stride, padding=1, bias=False),
            norm(widths[layer]),
            nn.LeakyReLU(0.2),
        ]
    return nn.Sequential(*modules, convolution(widths[-1], 1, kernel, padding=1))


def initialise(module: nn.Module) -> None:
    """Weights start as N(0, 0.02), norms as N(1, 0.02)."""
    if isinstance(module, nn.Conv2d | nn.Conv3d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
