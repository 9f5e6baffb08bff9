"""`pytest --benchmark-only`: our quantizers beside the packages in use, same input, one group per work.

Ratios within a group mean something, seconds do not: machines differ and are shared. Peers come with the extra `peers`.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from quantizers import create_quantizer
from quantizers.search import nearest_codes

pytestmark = pytest.mark.filterwarnings("ignore")

SEARCHES = [(8192, 256, 1024), (16384, 64, 512), (8192, 32, 4096), (8192, 8, 16384)]
CODEBOOKS = [(8192, 256, 1024), (8192, 8, 16384), (16384, 64, 512)]


def _random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def _training_step(module: torch.nn.Module, rows: Tensor, loss: Callable[[Any], Tensor]) -> Callable[[], None]:
    module.train()

    def step() -> None:
        z = rows.clone().requires_grad_()
        loss(module(z)).backward()

    step()  # k-means and other first-batch work
    return step


def _ours(name: str, rows: Tensor, **options: Any) -> Callable[[], None]:
    return _training_step(
        create_quantizer(name, **options), rows, lambda out: out.loss.sum() + out.quantized.square().mean()
    )


def _theirs(name: str, rows: Tensor, **options: Any) -> Callable[[], None]:
    package = pytest.importorskip("vector_quantize_pytorch", reason="needs the extra `peers`")
    module = getattr(package, name)(**options)

    def loss(out: Any) -> Tensor:
        extra = out[-1].sum() if isinstance(out, tuple) and len(out) == 3 else 0.0
        return out[0].square().mean() + extra

    return _training_step(module, rows[None], loss)


@pytest.mark.parametrize("way", ["ours", "faiss", "cdist"])
@pytest.mark.parametrize(("n", "d", "k"), SEARCHES)
def test_search(benchmark: Any, n: int, d: int, k: int, way: str) -> None:
    benchmark.group = f"exact search, N={n} D={d} K={k}"
    rows, codes = _random(n, d), _random(k, d).flip(0).contiguous()
    if way == "ours":
        benchmark(nearest_codes, rows, codes)
    elif way == "cdist":
        benchmark(lambda: torch.cdist(rows, codes).argmin(1))
    else:
        faiss = pytest.importorskip("faiss", reason="needs the extra `peers`")
        faiss.omp_set_num_threads(torch.get_num_threads())
        index = faiss.IndexFlatL2(d)
        index.add(codes.numpy())
        benchmark(index.search, rows.numpy(), 1)


@pytest.mark.parametrize("way", ["ours", "vector-quantize-pytorch"])
@pytest.mark.parametrize(("n", "d", "k"), CODEBOOKS)
def test_vq_ema_training_step(benchmark: Any, n: int, d: int, k: int, way: str) -> None:
    benchmark.group = f"vq-ema training step, N={n} D={d} K={k}"
    rows = _random(n, d)
    if way == "ours":
        step = _ours("vq-ema", rows, dim=d, codebook_size=k)
    else:
        step = _theirs("VectorQuantize", rows, dim=d, codebook_size=k, decay=0.99, threshold_ema_dead_code=2)
    benchmark.pedantic(step, rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("way", ["ours", "vector-quantize-pytorch"])
def test_rq_training_step(benchmark: Any, way: str) -> None:
    benchmark.group = "rq training step, 4 codes x 1024, N=2048 D=256"
    rows = _random(2048, 256)
    if way == "ours":
        step = _ours("rq", rows, dim=256, codebook_size=1024, codes_per_position=4)
    else:
        step = _theirs("ResidualVQ", rows, dim=256, codebook_size=1024, num_quantizers=4)
    benchmark.pedantic(step, rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("way", ["ours", "vector-quantize-pytorch"])
def test_fsq_training_step(benchmark: Any, way: str) -> None:
    benchmark.group = "fsq training step, levels 8 5 5 5, N=8192"
    rows = _random(8192, 4)
    step = _ours("fsq", rows, levels=(8, 5, 5, 5)) if way == "ours" else _theirs("FSQ", rows, levels=[8, 5, 5, 5])
    benchmark(step)


@pytest.mark.parametrize("way", ["ours", "vector-quantize-pytorch"])
def test_lfq_training_step(benchmark: Any, way: str) -> None:
    benchmark.group = "lfq training step with entropy, 14 bits, N=2048"
    rows = _random(2048, 14)
    step = _ours("lfq", rows, bits=14) if way == "ours" else _theirs("LFQ", rows, dim=14, codebook_size=2**14)
    benchmark.pedantic(step, rounds=3, warmup_rounds=1)
