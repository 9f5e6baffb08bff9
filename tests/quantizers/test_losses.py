"""Loss terms against their written form."""

import torch

from quantizers import create_quantizer
from quantizers.losses import mean_squared_error, orthogonality


def test_mean_squared_error_of_nothing_is_zero():
    assert mean_squared_error(torch.zeros(0, 3), torch.zeros(0, 3)) == 0
    a, b = torch.randn(7, 3), torch.randn(7, 3)
    torch.testing.assert_close(mean_squared_error(a, b), ((a - b) ** 2).mean())


def test_orthogonality_is_that_of_the_k_by_k_matrix():
    vectors = torch.randn(30, 8, dtype=torch.float64, requires_grad=True)
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    expected = (unit @ unit.T - torch.eye(30)).square().sum() / 30**2
    torch.testing.assert_close(orthogonality(vectors), expected)
    gradients = [torch.autograd.grad(value, vectors)[0] for value in (orthogonality(vectors), expected)]
    torch.testing.assert_close(*gradients)


def test_orthogonality_is_an_option_of_vq():
    plain, weighted = (
        create_quantizer("vq", dim=4, codebook_size=8, orthogonality_weight=weight).eval() for weight in (0.0, 10.0)
    )
    weighted.load_state_dict(plain.state_dict())
    z = torch.randn(20, 4)
    difference = weighted(z).loss - plain(z).loss
    torch.testing.assert_close(difference, 10 * orthogonality(plain.codebook.vectors))
