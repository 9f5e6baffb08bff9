import math

import pytest
import torch
from torch.nn import functional as F

from autoencoders.pictures.layers import AttentionBlock, Downsample, ResidualBlock, Upsample, group_norm


def reference_norm(x: torch.Tensor, norm: torch.nn.GroupNorm) -> torch.Tensor:
    groups = x.double().reshape(x.shape[0], norm.num_groups, -1)
    centred = groups - groups.mean(-1, keepdim=True)
    normed = (centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()).reshape(x.shape)
    return normed * norm.weight.double()[:, None, None] + norm.bias.double()[:, None, None]


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    """Norms away from 1 and 0, so that a forgotten scale or shift shows."""
    for parameter in module.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, 0.5, 0.5)
    return module


@pytest.mark.parametrize(
    ("channels", "groups"), [(32, 8), (64, 16), (128, 32), (160, 32), (512, 32), (48, 8), (8, 2), (6, 1), (5, 1)]
)
def test_number_of_groups_divides_the_width(channels: int, groups: int) -> None:
    assert group_norm(channels).num_groups == groups
    assert group_norm(channels).eps == 1e-6


def test_attention_is_an_explicit_softmax() -> None:
    torch.manual_seed(0)
    block, x = randomised(AttentionBlock(48)), torch.randn(3, 48, 4, 6)
    normed = reference_norm(x, block.norm)
    q, k, v = (
        (layer.weight.double().flatten(1) @ normed.flatten(2)) + layer.bias.double()[:, None]
        for layer in (block.q, block.k, block.v)
    )
    scores = torch.einsum("bci,bcj->bij", q, k) / math.sqrt(48)
    weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
    attended = torch.einsum("bij,bcj->bci", weights, v)
    projected = block.proj_out.weight.double().flatten(1) @ attended + block.proj_out.bias.double()[:, None]
    torch.testing.assert_close(block(x).double(), x + projected.reshape(x.shape), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("out_channels", [32, 64])
def test_residual_block_follows_its_equation(out_channels: int) -> None:
    torch.manual_seed(0)
    block, x = randomised(ResidualBlock(32, out_channels)), torch.randn(2, 32, 5, 7)
    h = reference_norm(x, block.norm1)
    h = F.conv2d(h * h.sigmoid(), block.conv1.weight.double(), block.conv1.bias.double(), padding=1)
    h = reference_norm(h, block.norm2)
    h = F.conv2d(h * h.sigmoid(), block.conv2.weight.double(), block.conv2.bias.double(), padding=1)
    shortcut = x.double()
    if out_channels != 32:
        shortcut = F.conv2d(shortcut, block.nin_shortcut.weight.double(), block.nin_shortcut.bias.double())
    torch.testing.assert_close(block(x).double(), shortcut + h, rtol=1e-5, atol=1e-5)


def test_dropout_is_off_in_eval_mode_and_on_in_training() -> None:
    block, x = ResidualBlock(32, 32, dropout=0.5), torch.randn(1, 32, 4, 4)
    assert not torch.equal(block(x), block(x))
    block.eval()
    assert torch.equal(block(x), block(x))


def test_downsample_pads_right_and_bottom() -> None:
    layer, x = Downsample(1), torch.arange(16.0).reshape(1, 1, 4, 4)
    with torch.no_grad():
        layer.conv.weight.fill_(1)
        layer.conv.bias.zero_()
    windows = [[sum(4 * r + c for r in range(i, min(i + 3, 4)) for c in range(j, min(j + 3, 4))) for j in (0, 2)]
               for i in (0, 2)]  # fmt: skip
    assert layer(x).tolist() == [[windows]]


def test_upsample_repeats_pixels() -> None:
    layer, x = Upsample(1), torch.tensor([[[[1.0, 2.0]]]])
    with torch.no_grad():
        layer.conv.weight.zero_()
        layer.conv.weight[0, 0, 1, 1] = 1
        layer.conv.bias.zero_()
    assert layer(x).tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]
