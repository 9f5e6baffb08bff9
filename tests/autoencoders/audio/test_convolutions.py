import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autoencoders.audio.convolutions import Conv1d, ConvTranspose1d, learned_weight


def conv(kernel: int = 3, **options: object) -> Conv1d:
    torch.manual_seed(0)
    return Conv1d(2, 3, kernel, **{"causal": True, "padding": "zeros", "norm": "weight", **options})


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(7, 1, 1), (3, 1, 4), (4, 2, 1), (10, 5, 1), (1, 1, 1)])
def test_a_position_for_every_stride_begun(kernel: int, stride: int, dilation: int, causal: bool, padding: str) -> None:
    layer = conv(kernel, stride=stride, dilation=dilation, causal=causal, padding=padding)
    for samples in (1, 2, 5, 9, 10, 11, 30):
        assert layer(torch.randn(2, 2, samples)).shape == (2, 3, -(-samples // stride))


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("stride", [1, 2, 5])
def test_transposed_every_position_becomes_a_stride(stride: int, causal: bool) -> None:
    layer = ConvTranspose1d(2, 3, stride, causal=causal, norm="weight")
    for positions in (1, 2, 7):
        assert layer(torch.randn(2, 2, positions)).shape == (2, 3, positions * stride)


def test_zeros_are_those_of_a_plain_convolution() -> None:
    x, layer = torch.randn(2, 2, 12), conv(5, causal=False, norm="none")
    torch.testing.assert_close(layer(x), F.conv1d(x, layer.weight, layer.conv.bias, padding=2))
    layer = conv(5, norm="none")
    torch.testing.assert_close(layer(x), F.conv1d(F.pad(x, (4, 0)), layer.weight, layer.conv.bias))


def test_an_odd_padding_has_the_larger_half_at_the_start() -> None:
    x, layer = torch.randn(1, 2, 15), conv(10, stride=5, causal=False, norm="none")
    torch.testing.assert_close(layer(x), F.conv1d(F.pad(x, (3, 2)), layer.weight, layer.conv.bias, 5))


def test_a_reflection_longer_than_the_signal_meets_silence() -> None:
    layer = conv(5, padding="reflect", norm="none")
    with torch.no_grad():
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.conv.bias)
        layer.weight[:, :, 0] = 1  # gives what was 4 samples ago
    x = torch.tensor([[[1.0, 2, 3], [0, 0, 0]]])
    assert layer(x)[0, 0].tolist() == [0, 0, 3]  # reflected at the first sample: 0 0 3 2 | 1 2 3
    assert layer(torch.tensor([[[1.0, 2, 3, 4, 5], [0] * 5]]))[0, 0].tolist() == [5, 4, 3, 2, 1]


def touched(layer: nn.Module, samples: int, position: int) -> list[int]:
    """The input samples that an output position depends on."""
    x = torch.randn(1, 2, samples, requires_grad=True)
    layer(x)[0, :, position].square().sum().backward()
    return x.grad.abs().sum((0, 1)).nonzero().flatten().tolist()


def test_what_a_position_sees() -> None:
    assert touched(conv(3, dilation=2), 20, 9) == [5, 7, 9]
    assert touched(conv(3, dilation=2, causal=False), 20, 9) == [7, 9, 11]
    assert touched(conv(4, stride=2), 20, 4) == [6, 7, 8, 9]
    up = ConvTranspose1d(2, 3, 4, causal=True, norm="weight")
    assert touched(up, 8, 12) == touched(up, 8, 15) == [2, 3]
    up = ConvTranspose1d(2, 3, 4, causal=False, norm="weight")
    assert [touched(up, 8, sample) for sample in (12, 14)] == [[2, 3], [3, 4]]


def test_time_group_norm_is_over_channels_and_time() -> None:
    layer = conv(3, causal=False, norm="time-group")
    y = layer(5 + 3 * torch.randn(4, 2, 50))
    torch.testing.assert_close(y.mean((1, 2)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var((1, 2), unbiased=False), torch.ones(4), atol=1e-3, rtol=0)


@pytest.mark.parametrize("norm", ["weight", "none"])
def test_the_learned_weight_gets_a_gradient(norm: str) -> None:
    layer = conv(norm=norm)
    weight = learned_weight(layer.conv)
    assert weight is layer.weight
    (gradient,) = torch.autograd.grad(layer(torch.randn(1, 2, 9)).square().sum(), weight)
    assert isinstance(gradient, Tensor)
    assert gradient.any()


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("samples", [5, 12])
def test_reflections_are_pytorchs(samples: int, causal: bool) -> None:
    x, layer = torch.randn(2, 2, samples), conv(5, causal=causal, padding="reflect", norm="none")
    padded = F.pad(x, (4, 0) if causal else (2, 2), "reflect")
    torch.testing.assert_close(layer(x), F.conv1d(padded, layer.weight, layer.conv.bias))


@pytest.mark.parametrize("norm", ["weight", "none"])
def test_a_kernel_of_one_sample_is_a_convolution_with_and_without_gradients(norm: str) -> None:
    x, layer = torch.randn(3, 2, 7), conv(1, norm=norm)
    expected = F.conv1d(x, layer.conv.weight, layer.conv.bias)
    for given in (x, x.clone().requires_grad_()):
        torch.testing.assert_close(layer(given), expected)
    (of_product,) = torch.autograd.grad(layer(x).square().sum(), layer.weight)
    (of_convolution,) = torch.autograd.grad(expected.square().sum(), layer.weight)
    torch.testing.assert_close(of_product, of_convolution)
