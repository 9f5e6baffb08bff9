"""The packages in use today, each set to do the same work as ours.

`vector-quantize-pytorch` gets our decay, commitment weight and dead-code rule, the plain straight-through gradient
(its default rotates the gradient, which costs it more), no projections, and no k-means start (which would take it
seconds, and is in no timing of ours either).
"""

import importlib
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from benchmarks.protocols.speed.work import Unavailable, random_rows

DEAD_SHARE = 0.25
"""Share of the mean count N / K below which our codebooks call a code dead; the peer takes the count itself."""


def load(module: str) -> Any:
    """A peer's package. Raises `Unavailable` where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Unavailable(f"{module} is not installed: pip install 'quantizer-zoo-benchmark[peers]'") from error


class OneSequence(nn.Module):
    """Feeds (N, D) rows to a module of the package as one sequence, (1, N, D)."""

    def __init__(self, module: nn.Module, dim: int) -> None:
        super().__init__()
        self.module = module
        self.dim = dim

    def forward(self, rows: Float[Tensor, "n d"]) -> Any:
        return self.module(rows.unsqueeze(0))

    def decode(self, codes: Int64[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """The vectors of codes, by what the module calls that."""
        module: Any = self.module
        decode = getattr(module, "indices_to_codes", None) or module.get_output_from_indices
        return decode(codes.unsqueeze(0)).squeeze(0)


def vector_quantize(n: int, d: int, k: int) -> OneSequence:
    """`VectorQuantize` for batches of n rows."""
    package = load("vector_quantize_pytorch")
    return OneSequence(package.VectorQuantize(dim=d, codebook_size=k, **_ema_options(n, k)), d)


def residual_vq(n: int, d: int, k: int, depth: int) -> OneSequence:
    """`ResidualVQ` with a codebook for each depth, for batches of n rows."""
    package = load("vector_quantize_pytorch")
    return OneSequence(package.ResidualVQ(dim=d, codebook_size=k, num_quantizers=depth, **_ema_options(n, k)), d)


def _ema_options(n: int, k: int) -> dict[str, Any]:
    return {
        "decay": 0.99,
        "eps": 1e-5,
        "commitment_weight": 0.25,
        "threshold_ema_dead_code": DEAD_SHARE * n / k,
        "kmeans_init": False,
        "rotation_trick": False,
    }


def fsq(levels: tuple[int, ...]) -> OneSequence:
    """`FSQ` as it comes."""
    return OneSequence(load("vector_quantize_pytorch").FSQ(levels=list(levels)), len(levels))


def lfq(bits: int) -> OneSequence:
    """`LFQ` with its entropy loss over all 2^bits codes, and the weights of ours."""
    options = {"entropy_loss_weight": 0.1, "diversity_gamma": 1.0, "commitment_loss_weight": 0.25}
    return OneSequence(load("vector_quantize_pytorch").LFQ(dim=bits, codebook_size=2**bits, **options), bits)


def faiss_search(n: int, d: int, k: int, device: torch.device) -> Callable[[], Any]:
    """`IndexFlatL2`, filled before the clock starts, searched for one neighbour on as many threads as PyTorch has."""
    faiss = load("faiss")
    if device.type != "cpu":
        raise Unavailable("faiss-cpu runs on the CPU only")
    faiss.omp_set_num_threads(torch.get_num_threads())
    rows, codes = random_rows(n, d, device).numpy(), random_rows(k, d, device, seed=1).numpy()
    index = faiss.IndexFlatL2(d)
    index.add(codes)
    return lambda: index.search(rows, 1)[1][:, 0]
