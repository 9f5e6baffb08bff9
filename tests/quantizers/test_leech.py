"""The shortest vectors of the Leech lattice against what is known of them, and their search against all of them."""

import pytest
import torch

from quantizers import create_quantizer
from quantizers.leech_lattice import DIM, SIZE, SQUARED_LENGTH, LeechShell, golay_code
from quantizers.sphere import normalized


@pytest.fixture(scope="module")
def shell() -> LeechShell:
    return LeechShell().double()


@pytest.fixture(scope="module")
def vectors(shell: LeechShell) -> torch.Tensor:
    return shell.vectors(torch.arange(SIZE))


def some(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, DIM, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_words_have_the_weights_of_the_golay_code() -> None:
    words = golay_code()
    weights, counts = words.sum(1).unique(return_counts=True)
    assert dict(zip(weights.tolist(), counts.tolist(), strict=True)) == {0: 1, 8: 759, 12: 2576, 16: 759, 24: 1}
    sums = (words[:100, None] + words[None, :100]) % 2  # linear: sums are words
    assert {tuple(word) for word in sums.flatten(0, 1).tolist()} <= {tuple(word) for word in words.tolist()}


def test_products_are_those_of_the_196_560_shortest_vectors(vectors: torch.Tensor) -> None:
    whole = (vectors * SQUARED_LENGTH**0.5).round()
    torch.testing.assert_close(vectors, whole / SQUARED_LENGTH**0.5, rtol=0, atol=1e-15)
    assert (whole.square().sum(1) == SQUARED_LENGTH).all()
    picked = torch.randperm(SIZE, generator=torch.Generator().manual_seed(0))[:50]
    products, counts = (whole[picked] @ whole.T).unique(return_counts=True)
    known = {-32: 1, -16: 4600, -8: 47104, 0: 93150, 8: 47104, 16: 4600, 32: 1}  # Conway and Sloane, chapter 10
    assert dict(zip(products.tolist(), counts.tolist(), strict=True)) == {key: 50 * n for key, n in known.items()}


def test_each_vector_is_the_nearest_to_itself(shell: LeechShell, vectors: torch.Tensor) -> None:
    numbers = torch.arange(0, SIZE, 7)
    assert torch.equal(shell.nearest(vectors[numbers]), numbers)


def test_the_search_finds_the_nearest_of_all(shell: LeechShell, vectors: torch.Tensor) -> None:
    rows = torch.cat([some(700), some(50) ** 3, some(50).abs(), -some(50).abs(), 1 + some(50) / 10])
    rows[:20, 4:] = 0  # few entries: pairs
    found = shell.nearest(rows)
    products = rows @ vectors.T
    torch.testing.assert_close(products.gather(1, found[:, None])[:, 0], products.amax(1), rtol=0, atol=1e-12)
    assert ((found < 1104).any(), ((found >= 1104) & (found < 98256)).any(), (found >= 98256).any()) == (True,) * 3


def test_the_quantizer_is_that_search_on_directions(vectors: torch.Tensor) -> None:
    quantizer = create_quantizer("leech").double().eval()
    assert quantizer.bits_per_position == pytest.approx(17.5846, abs=1e-4)
    rows = 1e3 * some(40)
    out = quantizer(rows)
    torch.testing.assert_close(out.quantized, vectors[out.codes[:, 0]], rtol=0, atol=1e-15)
    assert torch.equal(out.codes[:, 0], (rows @ vectors.T).argmax(1))
    assert torch.equal(quantizer(rows / 1e6).codes, out.codes)


def test_fewer_are_taken_from_all_and_searched(vectors: torch.Tensor) -> None:
    small, large = (create_quantizer("leech", bits=bits).double().eval() for bits in (8, 10))
    assert torch.equal(small.table, large.table[:256])
    assert len(large.table.unique(dim=0)) == 1024
    torch.testing.assert_close((large.table @ vectors.T).amax(1), torch.ones(1024).double(), rtol=0, atol=1e-12)
    rows = some(200)
    assert torch.equal(large(rows).codes[:, 0], (rows @ large.table.T).argmax(1))


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_a_part_of_them_is_no_better_than_random_directions(bits: int) -> None:
    rows, table = normalized(some(4000)), create_quantizer("leech", bits=bits).double().table
    random = normalized(some(2**bits, seed=1))
    assert abs((rows @ table.T).amax(1).mean() - (rows @ random.T).amax(1).mean()) < 0.003


@pytest.mark.parametrize("options", [{"bits": 19}, {"bits": 0}, {"codebook_size": 1}, {"codebook_size": SIZE + 1}])
def test_impossible_options(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"bits|codebook_size"):
        create_quantizer("leech", **options)
