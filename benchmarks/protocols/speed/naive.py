"""The forms that papers and first versions write down: a whole N x K matrix, one-hot codes, a table of all codes."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from quantizers.estimators import straight_through


def nearest_by_cdist(rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"]) -> Int64[Tensor, " n"]:
    """argmin over the N x K distances."""
    return torch.cdist(rows, codes).argmin(1)


def nearest_by_product(rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"]) -> Int64[Tensor, " n"]:
    """argmin over the N x K matrix |e|^2 - 2 z.e: one product, no square root."""
    return torch.addmm(codes.square().sum(1), rows, codes.T, alpha=-2).argmin(1)


class OneHotVQ(nn.Module):
    """VQ with EMA codebook as in van den Oord et al. 2017, appendix A.1: distances, one-hot codes, two products.

    Its output is (quantized, codes, loss). No code is ever replaced.
    """

    vectors: Float[Tensor, "k d"]
    sums: Float[Tensor, "k d"]
    counts: Float[Tensor, " k"]

    def __init__(
        self, dim: int, codebook_size: int, *, decay: float = 0.99, eps: float = 1e-5, beta: float = 0.25
    ) -> None:
        super().__init__()
        self.dim = dim
        self.decay, self.eps, self.beta = decay, eps, beta
        self.register_buffer("vectors", torch.randn(codebook_size, dim))
        self.register_buffer("sums", self.vectors.clone())
        self.register_buffer("counts", torch.ones(codebook_size))

    def forward(self, rows: Float[Tensor, "n d"]) -> tuple[Tensor, Tensor, Tensor]:
        codes = nearest_by_cdist(rows.detach(), self.vectors)
        one_hot = F.one_hot(codes, len(self.vectors)).to(rows.dtype)
        quantized = one_hot @ self.vectors
        if self.training:
            self._update(rows.detach(), one_hot)
        return straight_through(rows, quantized), codes, self.beta * F.mse_loss(rows, quantized)

    def _update(self, rows: Float[Tensor, "n d"], one_hot: Float[Tensor, "n k"]) -> None:
        self.counts.lerp_(one_hot.sum(0), 1 - self.decay)
        self.sums.lerp_(one_hot.T @ rows, 1 - self.decay)
        total = self.counts.sum()
        smoothed = (self.counts + self.eps) / (total + len(self.counts) * self.eps) * total
        self.vectors.copy_(self.sums / smoothed.unsqueeze(1))


class OneHotRQ(nn.Module):
    """Residual quantization by one `OneHotVQ` after the other; its output is (quantized, codes, loss)."""

    def __init__(self, dim: int, codebook_size: int, codes_per_position: int) -> None:
        super().__init__()
        self.dim = dim
        self.depths = nn.ModuleList(OneHotVQ(dim, codebook_size) for _ in range(codes_per_position))

    def forward(self, rows: Float[Tensor, "n d"]) -> tuple[Tensor, Tensor, Tensor]:
        residual, quantized, codes, losses = rows, torch.zeros_like(rows), [], []
        for depth in self.depths:
            chosen, code, loss = depth(residual)
            residual, quantized = residual - chosen.detach(), quantized + chosen
            codes.append(code)
            losses.append(loss)
        return quantized, torch.stack(codes, 1), torch.stack(losses).sum()


def sign_table(bits: int, device: torch.device) -> Float[Tensor, "k b"]:
    """All 2^bits vectors of signs, in the order of their codes."""
    codes = torch.arange(2**bits, device=device).unsqueeze(1)
    return (codes >> torch.arange(bits, device=device) & 1).float() * 2 - 1


def softmax_entropies(
    logits: Float[Tensor, "n b"], table: Float[Tensor, "k b"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Mean entropy of p(code) and entropy of the mean p(code), in nats, from the softmax over all 2^b codes."""
    p = torch.softmax(logits @ table.T / 2, 1)
    return _entropy(p).mean(), _entropy(p.mean(0))


def _entropy(p: Float[Tensor, "*n k"]) -> Float[Tensor, "*n"]:
    return -(p * p.clamp_min(torch.finfo(p.dtype).tiny).log()).sum(-1)
