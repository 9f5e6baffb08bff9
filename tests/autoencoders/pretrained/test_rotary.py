"""Rotary embedding."""

import math

import torch

from autoencoders.pretrained.rotary import rotated


def test_the_first_pair_of_channels_turns_by_the_position() -> None:
    x = torch.zeros(3, 8)
    x[:, 0] = 1
    turned = rotated(x, torch.tensor([0, 1, 2]))
    expected = [[math.cos(position), math.sin(position)] for position in range(3)]
    torch.testing.assert_close(turned[:, [0, 4]], torch.tensor(expected))
    assert not turned[:, [1, 2, 3, 5, 6, 7]].any()


def test_products_depend_on_the_distance_alone() -> None:
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 16)
    near = rotated(query, torch.tensor([7])) @ rotated(key, torch.tensor([3])).T
    far = rotated(query, torch.tensor([1007])) @ rotated(key, torch.tensor([1003])).T
    torch.testing.assert_close(near, far, rtol=0, atol=1e-3)
    other = rotated(query, torch.tensor([7])) @ rotated(key, torch.tensor([0])).T
    assert not torch.allclose(near, other, atol=0.01)
