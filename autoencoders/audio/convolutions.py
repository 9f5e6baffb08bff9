"""Convolutions over time that keep its length on the strides' grid, as EnCodec pads and cuts.

Défossez et al. 2022 (arXiv:2210.13438), section 3.1, and the authors' code for what the paper does not say: how odd
paddings are shared out between the two ends, and the reflection of signals shorter than it.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized

from autoencoders.audio.sizes import Norm, Padding
from autoencoders.streaming import State


class Conv1d(nn.Module):
    """(B, in_channels, T) to (B, out_channels, ⌈T / stride⌉).

    Args:
        kernel: Samples that it sees, `dilation` apart; together at least `stride`.
        causal: All padding at the start, so that nothing looks ahead; else half at each end, an odd one at the start.
        groups: Of channels that see only each other.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        causal: bool,
        padding: Padding,
        norm: Norm,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.causal, self.padding, self.stride = causal, padding, stride
        self.overlap = (kernel - 1) * dilation + 1 - stride
        conv = nn.Conv1d(in_channels, out_channels, kernel, stride, dilation=dilation, groups=groups)
        self.conv = _weight_normed(conv, norm)
        self.norm: nn.Module = nn.GroupNorm(1, out_channels) if norm == "time-group" else nn.Identity()

    @property
    def weight(self) -> nn.Parameter:
        """What is learned of the filters: of a normed one its direction, whose length does not count."""
        return learned_weight(self.conv)

    def forward(self, x: Float[Tensor, "b c T"]) -> Float[Tensor, "b c2 t"]:
        right = 0 if self.causal else self.overlap // 2
        beyond = -x.shape[-1] % self.stride  # so that the last window is full
        return self.norm(_convolved(self.conv, _pad(x, self.overlap - right, right + beyond, self.padding)))

    def first_state(self, batch: int) -> State:
        """Of a causal one with zeros beyond the start: as many as its windows overlap."""
        return (_zeros(self.conv, batch, self.overlap),)

    def stream(self, x: Float[Tensor, "b c T"], state: State) -> tuple[Float[Tensor, "b c2 t"], State]:
        """A chunk of whole strides, after the last samples of the one before."""
        x = torch.cat([*state, x], -1)
        return self.norm(self.conv(x)), (x[..., x.shape[-1] - self.overlap :],)


class ConvTranspose1d(nn.Module):
    """(B, in_channels, t) to (B, out_channels, t · stride); its filters are two strides long.

    Args:
        causal: What is too much is cut at the end, so that nothing looks ahead; else half at each end, an odd one at
            the start.
        groups: Of channels that see only each other.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        *,
        causal: bool,
        norm: Norm,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.causal, self.stride = causal, stride
        conv = nn.ConvTranspose1d(in_channels, out_channels, 2 * stride, stride, groups=groups, bias=bias)
        self.conv = _weight_normed(conv, norm)
        self.norm: nn.Module = nn.GroupNorm(1, out_channels) if norm == "time-group" else nn.Identity()

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c2 T"]:
        y = self.norm(self.conv(x))  # before the cut, as published: a norm over time sees what is cut
        right = self.stride if self.causal else self.stride // 2
        return y[..., self.stride - right : y.shape[-1] - right]

    def first_state(self, batch: int) -> State:
        """Of a causal one: a position of zeros."""
        return (_zeros(self.conv, batch, 1),)

    def stream(self, x: Float[Tensor, "b c t"], state: State) -> tuple[Float[Tensor, "b c2 T"], State]:
        """A chunk after the last position of the one before, whose filters reach into it."""
        y = self.norm(self.conv(torch.cat([*state, x], -1)))
        return y[..., self.stride : -self.stride], (x[..., -1:],)


def learned_weight(conv: nn.Module) -> nn.Parameter:
    """What is learned of a convolution's filters; of weight-normed ones the direction."""
    return conv.get_parameter("parametrizations.weight.original1" if _is_weight_normed(conv) else "weight")


def _zeros(conv: nn.Module, batch: int, samples: int) -> Tensor:
    assert isinstance(conv, nn.Conv1d | nn.ConvTranspose1d)
    return learned_weight(conv).new_zeros(batch, conv.in_channels, samples)


def _is_weight_normed(conv: nn.Module) -> bool:
    return is_parametrized(conv, "weight")


def _weight_normed(conv: nn.Module, norm: Norm) -> nn.Module:
    return weight_norm(conv) if norm == "weight" else conv


def _convolved(conv: nn.Module, x: Tensor) -> Tensor:
    """On the CPU a kernel of one sample as a matrix product, which is faster there; equal but for rounding."""
    assert isinstance(conv, nn.Conv1d)
    is_product = conv.kernel_size == conv.stride == (1,) and conv.groups == 1 and conv.bias is not None
    is_free = x.device.type == "cpu" and not x.requires_grad and not torch.compiler.is_compiling()
    if not (is_product and is_free):
        made: Tensor = conv(x)
        return made
    assert conv.bias is not None
    return torch.baddbmm(conv.bias[:, None], conv.weight[:, :, 0].expand(len(x), -1, -1), x)


def _pad(x: Tensor, left: int, right: int, padding: Padding) -> Tensor:
    if padding == "zeros":
        return F.pad(x, (left, right))
    # A reflection needs more samples than it has itself: what is missing is silence, which is cut off again.
    missing = max(0, max(left, right) + 1 - x.shape[-1])
    long = F.pad(x, (0, missing)) if missing else x
    end = long.shape[-1] - 1
    parts = [long[..., 1 : left + 1].flip(-1), long, long[..., end - right : end].flip(-1)]
    padded = torch.cat(parts, -1)  # on the CPU faster than PyTorch's padding by reflection
    return padded[..., : padded.shape[-1] - missing]
