"""`fvq`: a codebook that a small transformer maps as a whole, so that every step moves every code."""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from quantizers.codebook import Codebook
from quantizers.options import MAX_CHANNELS, MAX_PARTS, check_integer
from quantizers.precision import at_least_single, call_in_single
from quantizers.vector import VectorQuantizer

HEADS = 4
"""Attention heads, in all of the authors' sizes."""


class FVQ(VectorQuantizer):
    """Nearest vector of f(C), where f, the VQBridge, maps a learned codebook C as one sequence; loss
    |sg(z) - e|^2 + beta |z - sg(e)|^2, a mean over elements, of which the first term moves C and f.

    Through f a gradient on any code moves all of them, unused ones too; none is replaced. f runs once per call, in
    eval mode as well, at a cost that does not depend on the batch. After training it can be dropped: `codebook()`
    gives the vectors of a `vq` with the same codes.

    The method has a second half, which is the trainer's: "learning annealing", a learning rate that falls to 1 % of
    its peak after a warm-up of a tenth of the training. The last layer starts at zero, and with it all codes at one
    point: they spread within the first hundreds of steps.

    Use it for tens to hundreds of thousands of codes at full width. Not for so few codes that `vq-ema` uses
    them all: there it only costs.

    Args:
        dim: channels, the width of a code vector.
        codebook_size: number of code vectors K.
        beta: weight of the commitment term.
        estimator: how the gradient passes the choice of a code: "straight-through", or "rotation"
            (arXiv:2410.06424).
        patch_size: codes that are compressed to one token, a divisor of K; None for K / 1024 but 16 to 64, as in the
            authors' runs with 16384, 65536 and 262144 codes.
        hidden_dim: width of the transformer, a multiple of 4; best at the default dim (the paper's ablation).
        depth: its number of blocks.
    """

    def __init__(
        self,
        *,
        dim: int = 256,
        codebook_size: int = 16384,
        beta: float = 0.25,
        estimator: str = "straight-through",
        patch_size: int | None = None,
        hidden_dim: int = 256,
        depth: int = 2,
    ) -> None:
        codebook = BridgedCodebook(codebook_size, dim, patch_size=patch_size, hidden_dim=hidden_dim, depth=depth)
        super().__init__(codebook, beta=beta, estimator=estimator)


class BridgedCodebook(Codebook):
    """K vectors that a VQBridge makes of a learned table."""

    def __init__(self, size: int, dim: int, *, patch_size: int | None, hidden_dim: int, depth: int) -> None:
        super().__init__(size, dim)
        if patch_size is None:
            patch_size = min(self.size, max(16, min(64, self.size // 1024)))
        patch_size = check_integer("patch_size", patch_size, 1)
        if self.size % patch_size:
            raise ValueError(f"patch_size must divide codebook_size={self.size}, got {patch_size}")
        self.table = nn.Parameter(torch.empty(size, dim).uniform_(-1 / size, 1 / size))
        self.bridge = VQBridge(self.dim, patch_size=patch_size, hidden_dim=hidden_dim, depth=depth)

    def forward(self) -> Float[Tensor, "k d"]:
        return call_in_single(self.bridge, at_least_single(self.table))


class VQBridge(nn.Module):
    """Compress, process, recover: patches of consecutive vectors become one token each, the tokens attend to each
    other, and each becomes the vectors of its patch again. The last layer starts at zero.

    Args:
        dim: width of a vector.
        patch_size: vectors per token.
        hidden_dim: width of a token.
        depth: transformer blocks.
    """

    def __init__(self, dim: int, *, patch_size: int, hidden_dim: int, depth: int) -> None:
        super().__init__()
        depth = check_integer("depth", depth, 1, MAX_PARTS)
        hidden_dim = check_integer("hidden_dim", hidden_dim, HEADS, MAX_CHANNELS)
        if hidden_dim % HEADS:
            raise ValueError(f"hidden_dim must be a multiple of {HEADS}, got {hidden_dim}")
        self.patch_size = patch_size
        self.compress = _linear(patch_size * dim, hidden_dim)
        self.blocks = nn.Sequential(*(TransformerBlock(hidden_dim) for _ in range(depth)))
        self.norm = _norm(hidden_dim)
        self.recover = _linear(hidden_dim, patch_size * dim)
        nn.init.zeros_(self.recover.weight)

    def forward(self, vectors: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
        patches = rearrange(vectors, "(t p) d -> t (p d)", p=self.patch_size)
        tokens = self.blocks(self.compress(patches))
        return rearrange(self.recover(self.norm(tokens)), "t (p d) -> (t p) d", p=self.patch_size)


class TransformerBlock(nn.Module):
    """A pre-norm block: self-attention, then two layers with twice the width between. No position is encoded."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = _norm(dim), _norm(dim)
        self.query_key_value = _linear(dim, 3 * dim)
        self.project = _linear(dim, dim)
        self.mlp = nn.Sequential(_linear(dim, 2 * dim), nn.GELU(approximate="tanh"), _linear(2 * dim, dim))

    def forward(self, tokens: Float[Tensor, "t d"]) -> Float[Tensor, "t d"]:
        heads = rearrange(
            self.query_key_value(self.attention_norm(tokens)), "t (part h d) -> part 1 h t d", part=3, h=HEADS
        )
        attended = rearrange(F.scaled_dot_product_attention(*heads), "1 h t d -> t (h d)")
        tokens = tokens + self.project(attended)
        return tokens + self.mlp(self.mlp_norm(tokens))


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _norm(dim: int) -> nn.LayerNorm:
    return nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
