"""Softmax over all codes of a codebook, with its gradient, and no N x K matrix.

Rows are taken in tiles, forward and again backward, where each tile's products are made anew.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.functions import called_in_place
from quantizers.precision import without_autocast
from quantizers.uncompiled import uncompiled

FEWEST_ROWS = 16
"""Of a tile: with fewer, reading a large codebook takes longer than its products."""


@uncompiled
def average_by_softmax(
    rows: Float[Tensor, "n d"], vectors: Float[Tensor, "k d"], temperature: Float[Tensor, ""]
) -> tuple[Float[Tensor, "n d"], Float[Tensor, ""], Float[Tensor, " k"]]:
    """What p = softmax(-|z - c|^2 / temperature) over all codes gives, differentiable in rows and vectors.

    Returns:
        The mean of the vectors under p, for each row.
        Sum over rows and codes of p^2.
        Sums over rows of p.
    """
    return _AverageBySoftmax.apply(rows, vectors, temperature)


class _AverageBySoftmax(torch.autograd.Function):
    @staticmethod
    @called_in_place
    def forward(rows: Tensor, vectors: Tensor, temperature: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        means, squares, sums = torch.empty_like(rows), rows.new_zeros(()), rows.new_zeros(vectors.shape[0])
        size = _tile_rows(rows, vectors)
        for tile, of_tile in zip(rows.split(size), means.split(size), strict=True):
            p = _softmax_of_distances(tile, vectors, temperature)
            torch.mm(p, vectors, out=of_tile)
            sums += p.sum(0)
            squares += p.square_().sum()
        return means, squares, sums

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: tuple[Tensor, ...]) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(  # type: ignore[override]
        ctx: Any, of_means: Tensor, of_squares: Tensor, of_sums: Tensor
    ) -> tuple[Tensor, Tensor, None]:
        rows, vectors, temperature = ctx.saved_tensors
        with without_autocast(rows.device.type):  # which a caller may have left on for the backward pass
            if torch.is_grad_enabled():  # to be differentiated again, which holds all products anyhow
                return *_gradients_of_average(rows, vectors, temperature, of_means, of_squares, of_sums), None
            grad_rows, grad_vectors = torch.empty_like(rows), torch.zeros_like(vectors)
            size = _tile_rows(rows, vectors)
            for tile, of_tile, grad_tile in zip(
                rows.split(size), of_means.split(size), grad_rows.split(size), strict=True
            ):
                found = _gradients_of_average(tile, vectors, temperature, of_tile, of_squares, of_sums)
                grad_tile.copy_(found[0])
                grad_vectors += found[1]
            return grad_rows, grad_vectors, None


def _gradients_of_average(
    rows: Float[Tensor, "n d"],
    vectors: Float[Tensor, "k d"],
    temperature: Float[Tensor, ""],
    of_means: Float[Tensor, "n d"],
    of_squares: Float[Tensor, ""],
    of_sums: Float[Tensor, " k"],
) -> tuple[Float[Tensor, "n d"], Float[Tensor, "k d"]]:
    """The gradients on rows and vectors, differentiable. Those on the logits of a row sum to 0, so that -|z|^2 has no
    part in them."""
    p = _softmax_of_distances(rows, vectors, temperature)
    of_p = of_means @ vectors.T + 2 * of_squares * p + of_sums
    of_logits = p * (of_p - (p * of_p).sum(1, keepdim=True)) * (2 / temperature)
    of_vectors = p.T @ of_means + of_logits.T @ rows - of_logits.sum(0).unsqueeze(1) * vectors
    return of_logits @ vectors, of_vectors


def _softmax_of_distances(
    rows: Float[Tensor, "n d"], vectors: Float[Tensor, "k d"], temperature: Float[Tensor, ""]
) -> Float[Tensor, "n k"]:
    """softmax(-|z - c|^2 / temperature). Distances do not change where all is moved, and products lose fewer digits
    about the vectors' mean."""
    centre = vectors.detach().mean(0)
    vectors = vectors - centre
    logits = 2 * (rows - centre) @ vectors.T - vectors.square().sum(1)
    return torch.softmax(logits / temperature, 1)


@uncompiled
def choose_by_softmax(
    rows: Float[Tensor, "n d"], vectors: Float[Tensor, "k d"], codes: Int64[Tensor, " n"], temperature: float
) -> tuple[Float[Tensor, "n d"], Float[Tensor, ""], Float[Tensor, " k"]]:
    """The vectors of the codes, with the gradient of softmax(z . c) in place of the choice (index backpropagation, Shi
    et al. 2024, arXiv:2412.02692, eq. 4), and what the entropies of another softmax are made of.

    Returns:
        vectors[codes]. Backward, for the gradient g of a row z, the chosen vector gets g, and the products z . c get
        p_c (g . c - sum_c' p_c' g . c') with p = softmax(z . c); so z and all vectors get a gradient.
        Sum over rows of the entropy, in nats, of softmax(z . c / temperature).
        Sums over rows of softmax(z . c / temperature).
    """
    return _ChoiceBySoftmax.apply(rows, vectors, codes, temperature)


class _ChoiceBySoftmax(torch.autograd.Function):
    @staticmethod
    @called_in_place
    def forward(rows: Tensor, vectors: Tensor, codes: Tensor, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
        entropy, sums = rows.new_zeros(()), rows.new_zeros(vectors.shape[0])
        for tile in rows.split(_tile_rows(rows, vectors)):
            log_p, p = _log_softmax(tile @ vectors.T, temperature)
            sums += p.sum(0)
            entropy -= p.mul_(log_p).sum()
        return vectors[codes], entropy, sums

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, float], output: tuple[Tensor, ...]) -> None:
        *tensors, ctx.temperature = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(  # type: ignore[override]
        ctx: Any, of_chosen: Tensor, of_entropy: Tensor, of_sums: Tensor
    ) -> tuple[Tensor, Tensor, None, None]:
        rows, vectors, codes = ctx.saved_tensors
        with without_autocast(rows.device.type):  # which a caller may have left on for the backward pass
            if torch.is_grad_enabled():  # to be differentiated again, which holds all products anyhow
                return *_gradients(rows, vectors, codes, of_chosen, of_entropy, of_sums, ctx.temperature), None, None
            return *_tiled_gradients(rows, vectors, codes, of_chosen, of_entropy, of_sums, ctx.temperature), None, None


def _gradients(
    rows: Float[Tensor, "n d"],
    vectors: Float[Tensor, "k d"],
    codes: Int64[Tensor, " n"],
    of_chosen: Float[Tensor, "n d"],
    of_entropy: Float[Tensor, ""],
    of_sums: Float[Tensor, " k"],
    temperature: float,
) -> tuple[Float[Tensor, "n d"], Float[Tensor, "k d"]]:
    """The gradients on rows and vectors, differentiable, with the softmax in place of the choice there too."""
    products = rows @ vectors.T
    p, log_q = products.softmax(1), torch.log_softmax(products / temperature, 1)
    choice = F.one_hot(codes, vectors.shape[0]).to(p.dtype) + (p - p.detach())
    q, of_q, of_choice = log_q.exp(), of_sums - of_entropy * log_q, of_chosen @ vectors.T
    of_products = p * (of_choice - (p * of_choice).sum(1, keepdim=True))
    of_products = of_products + q * (of_q - (q * of_q).sum(1, keepdim=True)) / temperature
    return of_products @ vectors, choice.T @ of_chosen + of_products.T @ rows


def _tiled_gradients(
    rows: Float[Tensor, "n d"],
    vectors: Float[Tensor, "k d"],
    codes: Int64[Tensor, " n"],
    of_chosen: Float[Tensor, "n d"],
    of_entropy: Float[Tensor, ""],
    of_sums: Float[Tensor, " k"],
    temperature: float,
) -> tuple[Float[Tensor, "n d"], Float[Tensor, "k d"]]:
    """The same without derivatives, and with no matrix of all rows and codes."""
    grad_rows = torch.empty_like(rows)
    grad_vectors = torch.zeros_like(vectors).index_add_(0, codes, of_chosen)
    size = _tile_rows(rows, vectors)
    for tile, of_tile, grad_tile in zip(rows.split(size), of_chosen.split(size), grad_rows.split(size), strict=True):
        products = tile @ vectors.T
        grad = _softmax_gradient(products.softmax(1), of_tile @ vectors.T)
        log_p, p = _log_softmax(products, temperature)
        grad += _softmax_gradient(p, log_p.mul_(-of_entropy).add_(of_sums)).div_(temperature)
        torch.mm(grad, vectors, out=grad_tile)
        grad_vectors.addmm_(grad.T, tile)
    return grad_rows, grad_vectors


def _tile_rows(rows: Float[Tensor, "n d"], vectors: Float[Tensor, "k d"]) -> int:
    """Rows of a tile; backward holds four matrices of them and all codes."""
    elements, most_rows = (2**21, 512) if rows.device.type == "cpu" else (2**25, 2**25)
    return min(max(elements // vectors.shape[0], FEWEST_ROWS), most_rows)


def _log_softmax(products: Float[Tensor, "n k"], temperature: float) -> list[Float[Tensor, "n k"]]:
    """log p and p of softmax(products / temperature); `products` is used up."""
    log_p = torch.log_softmax(products.div_(temperature), 1)
    return [log_p, torch.exp(log_p, out=products)]


def _softmax_gradient(p: Float[Tensor, "n k"], of_p: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """The gradient on a softmax's argument, of that on its value `p`; `of_p` is used up."""
    return of_p.sub_((p * of_p).sum(1, keepdim=True)).mul_(p)
