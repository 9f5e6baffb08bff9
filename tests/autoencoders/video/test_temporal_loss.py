"""The loss of what changes from frame to frame, by hand."""

import numpy as np
import torch

from autoencoders import temporal_difference_loss


def test_it_is_the_mean_difference_of_changes() -> None:
    films = torch.randn(2, 3, 5, 4, 6, generator=torch.Generator().manual_seed(0))
    made = torch.randn(2, 3, 5, 4, 6, generator=torch.Generator().manual_seed(1))
    expected = np.abs(np.diff(made.double().numpy(), axis=2) - np.diff(films.double().numpy(), axis=2)).mean()
    torch.testing.assert_close(temporal_difference_loss(made, films).item(), expected, rtol=1e-6, atol=0)


def test_a_constant_error_is_free_and_flicker_is_not() -> None:
    films = torch.randn(1, 3, 4, 8, 8)
    torch.testing.assert_close(temporal_difference_loss(films + 0.25, films), torch.tensor(0.0), atol=1e-6, rtol=0)
    flicker = 0.25 * torch.tensor([1.0, -1.0, 1.0, -1.0])[:, None, None]
    torch.testing.assert_close(temporal_difference_loss(films + flicker, films), torch.tensor(0.5))


def test_pictures_have_none_and_low_precision_is_summed_in_float32() -> None:
    picture = torch.randn(2, 3, 1, 4, 4, requires_grad=True)
    loss = temporal_difference_loss(picture, torch.zeros_like(picture))
    assert loss == 0
    half = torch.randn(1, 3, 3, 4, 4).bfloat16()
    assert temporal_difference_loss(half, half).dtype == torch.float32
