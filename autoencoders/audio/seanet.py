"""The SEANet backbone of SoundStream and EnCodec: strided convolutions with residual units, an LSTM, and back.

Zeghidour et al. 2021, "SoundStream: An End-to-End Neural Audio Codec" (arXiv:2107.03312), section III; Défossez et al.
2022, "High Fidelity Neural Audio Compression" (arXiv:2210.13438), section 3.1, whose layers these are. A
training starts from PyTorch's own weights, as theirs do.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.audio.codec import ConvolutionalCodec
from autoencoders.audio.convolutions import Conv1d, ConvTranspose1d
from autoencoders.audio.sizes import SEANetConfig
from autoencoders.streaming import State, StreamingTokenizer, first_state, stream


def convolution(config: SEANetConfig) -> Callable[..., Conv1d]:
    """Makes a convolution with the config's padding and norm, of channels in, channels out and a kernel."""
    return partial(Conv1d, causal=config.causal, padding=config.padding, norm=config.norm)


class ELU(nn.Module):
    """x, or exp(x) - 1 where x is negative.

    In float32 on a CPU, where no gradient is asked for, to within 2^-24 and in a sixth of the time of PyTorch's own,
    whose expm1 also keeps the digits of numbers near to 0.

    Args:
        overwrites: Its input, which nothing else then may need.
    """

    def __init__(self, *, overwrites: bool) -> None:
        super().__init__()
        self.overwrites = overwrites

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        is_plain = x.dtype == torch.float32 and x.device.type == "cpu"
        if not is_plain or x.requires_grad or torch.compiler.is_compiling():
            return F.elu(x, inplace=self.overwrites)
        below = x.clamp(max=0).exp_().sub_(1)  # never below x
        return x.clamp_min_(below) if self.overwrites else x.clamp_min(below)


class ResidualUnit(nn.Module):
    """x, or a convolution of it, + conv1(elu(conv_dilated(elu(x)))): (B, width, T) to the same."""

    def __init__(self, config: SEANetConfig, width: int, dilation: int) -> None:
        super().__init__()
        make, hidden = convolution(config), width // config.compress
        self.branch = nn.Sequential(
            ELU(overwrites=False),
            make(width, hidden, config.residual_kernel, dilation=dilation),
            ELU(overwrites=True),
            make(hidden, width, 1),
        )
        self.shortcut: nn.Module = make(width, width, 1) if config.shortcut == "convolution" else nn.Identity()

    def forward(self, x: Float[Tensor, "b c T"]) -> Float[Tensor, "b c T"]:
        made: Tensor = self.branch(x)
        return made.add_(self.shortcut(x))

    def first_state(self, batch: int) -> State:
        """Those of the branch and of what stands beside it."""
        return first_state(self.branch, batch), first_state([self.shortcut], batch)

    def stream(self, x: Float[Tensor, "b c T"], state: State) -> tuple[Float[Tensor, "b c T"], State]:
        """A chunk, as `forward`."""
        beside, of_shortcut = stream([self.shortcut], x, state[1])
        y, of_branch = stream(self.branch, x, state[0])
        return beside + y, (of_branch, of_shortcut)


class ResidualLSTM(nn.Module):
    """x + lstm(x) along time: (B, width, T) to the same."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, width, layers)

    def forward(self, x: Float[Tensor, "b c T"]) -> Float[Tensor, "b c T"]:
        steps = x.movedim(-1, 0)
        return (steps + self.lstm(steps)[0]).movedim(0, -1)

    def first_state(self, batch: int) -> State:
        """Hidden states and cells of all layers."""
        zeros = self.lstm.get_parameter("weight_hh_l0").new_zeros(batch, self.lstm.num_layers, self.lstm.hidden_size)
        return zeros, zeros

    def stream(self, x: Float[Tensor, "b c T"], state: State) -> tuple[Float[Tensor, "b c T"], State]:
        """A chunk, as `forward`."""
        steps = x.movedim(-1, 0)
        hidden, cells = (part.movedim(1, 0).contiguous() for part in state)
        y, after = self.lstm(steps, (hidden, cells))
        return (steps + y).movedim(0, -1), tuple(part.movedim(0, 1) for part in after)


class SamplesToChannels(nn.Module):
    """(B, C, T) to (B, C · stem, T / stem): so many consecutive samples become channels; none is lost."""

    def __init__(self, stem: int) -> None:
        super().__init__()
        self.stem = stem

    def forward(self, x: Float[Tensor, "b c T"]) -> Float[Tensor, "b c2 t"]:
        return rearrange(x, "b c (t s) -> b (c s) t", s=self.stem)


class ChannelsToSamples(nn.Module):
    """The inverse of `SamplesToChannels`."""

    def __init__(self, stem: int) -> None:
        super().__init__()
        self.stem = stem

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c2 T"]:
        return rearrange(x, "b (c s) t -> b c (t s)", s=self.stem)


def _units(config: SEANetConfig, width: int) -> list[nn.Module]:
    return [ResidualUnit(config, width, config.dilation_base**index) for index in range(config.residual_units)]


def _memory(config: SEANetConfig) -> list[nn.Module]:
    return [ResidualLSTM(config.widths[-1], config.lstm_layers)] if config.lstm_layers else []


class Encoder(nn.Sequential):
    """Sounds (B, in_channels, T) to (B, out_channels, ⌈T / stride⌉), with T a multiple of the stem."""

    def __init__(self, config: SEANetConfig, out_channels: int) -> None:
        make, widths = convolution(config), config.widths
        levels: list[nn.Module] = []
        for level, stride in enumerate(config.strides):
            down = make(widths[level], widths[level + 1], 2 * stride, stride=stride)
            levels += [*_units(config, widths[level]), ELU(overwrites=True), down]
        super().__init__(
            SamplesToChannels(config.stem),
            make(config.block_channels, widths[0], config.first_kernel),
            *levels,
            *_memory(config),
            ELU(overwrites=True),
            make(widths[-1], out_channels, config.latent_kernel),
        )


class Decoder(nn.Sequential):
    """(B, in_channels, t) to sounds (B, config.in_channels, t · stride)."""

    def __init__(self, config: SEANetConfig, in_channels: int) -> None:
        make, widths = convolution(config), config.widths
        levels: list[nn.Module] = []
        for level, stride in reversed(list(enumerate(config.strides))):
            up = ConvTranspose1d(widths[level + 1], widths[level], stride, causal=config.causal, norm=config.norm)
            levels += [ELU(overwrites=True), up, *_units(config, widths[level])]
        super().__init__(
            make(in_channels, widths[-1], config.first_kernel),
            *_memory(config),
            *levels,
            ELU(overwrites=True),
            make(widths[0], config.block_channels, config.last_kernel),
            ChannelsToSamples(config.stem),
        )


class SEANetCodec(ConvolutionalCodec, StreamingTokenizer):
    """SoundStream's and EnCodec's tokenizer around a quantizer; a causal one with padding by zeros can stream."""

    encoder_class, decoder_class, unit_class = Encoder, Decoder, ResidualUnit
    config: SEANetConfig

    @property
    def not_streaming(self) -> str | None:
        """Why its sizes do not allow it; None where they do."""
        if self.config.causal and self.config.padding == "zeros":
            return None
        return "causal must be true and padding zeros in its config"
