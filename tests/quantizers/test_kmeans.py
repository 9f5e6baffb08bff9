"""k-means: what it finds, how it is seeded, and which rows of a batch are offered."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.cluster import kmeans_plusplus

from quantizers.kmeans import kmeans, kmeans_plus_plus, offer_rows
from quantizers.search import nearest_codes


def error(rows, centres):
    """Mean squared distance of the rows from their nearest centres."""
    return (rows - centres[nearest_codes(rows, centres)]).square().sum(1).mean().item()


def clusters(number, each, spread, generator):
    centres = spread * torch.randn(number, 4, generator=generator)
    return (centres.unsqueeze(0) + torch.randn(each, number, 4, generator=generator)).flatten(0, 1)


def test_finds_separated_clusters():
    rows = clusters(10, 40, 50, torch.Generator().manual_seed(0))
    found, counts = kmeans(rows, 10, 20, 400)
    assert counts.tolist() == [40.0] * 10
    assert error(rows, found) < 4.2  # four channels of variance 1


@pytest.mark.parametrize("size", [3, 8, 60, 200])
def test_seeds_are_as_good_as_sequential_ones(size):
    rows = clusters(60, 50, 20, torch.Generator().manual_seed(size))
    ours = kmeans_plus_plus(rows, size)
    theirs = []
    for seed in range(9):
        centres, _ = kmeans_plusplus(rows.numpy(), size, random_state=seed, n_local_trials=1)
        theirs.append(error(rows, torch.from_numpy(centres)))
    assert ours.shape == (size, 4)
    assert all((rows == centre).all(1).any() for centre in ours)
    assert error(rows, ours) <= max(theirs)
    spread_evenly = offer_rows(rows, torch.ones(size, dtype=torch.bool))[1]
    assert size != 60 or error(rows, ours) < error(rows, spread_evenly) / 10


def test_no_more_rows_than_centres():
    rows = torch.randn(5, 3)
    centres, counts = kmeans(rows, 8, 10, 5)
    assert counts.tolist() == [1.0] * 5 + [0.0] * 3
    assert torch.equal(centres[:5], rows)


def test_fewer_distinct_rows_than_centres():
    distinct = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    rows = distinct[torch.arange(100) % 3]
    seeds = kmeans_plus_plus(rows, 50)
    assert seeds.shape == (50, 2)
    assert torch.equal(seeds.unique(dim=0), distinct.unique(dim=0))
    assert sorted(kmeans(rows, 50, 3, 100)[1].tolist()) == [0.0] * 47 + [33.0, 33.0, 34.0]


def test_equal_rows():
    centres, counts = kmeans(torch.ones(100, 2), 8, 3, 100)
    assert torch.equal(centres, torch.ones(8, 2))
    assert counts.tolist() == [100.0] + [0.0] * 7


def test_projected_centres_are_those_of_spherical_kmeans():
    generator = torch.Generator().manual_seed(1)
    rows = F.normalize(torch.randn(500, 3, generator=generator), dim=1)
    centres, _ = kmeans(rows, 6, 50, 500, lambda vectors: F.normalize(vectors, dim=1))
    torch.testing.assert_close(centres.norm(dim=1), torch.ones(6))
    codes = (rows @ centres.T).argmax(1)
    for code in range(6):  # a fixed point of spherical k-means: each centre the mean direction of its rows
        torch.testing.assert_close(centres[code], F.normalize(rows[codes == code].sum(0), dim=0), rtol=0, atol=1e-4)


def test_offered_rows_are_distinct_and_spread():
    rows = torch.arange(100.0).unsqueeze(1)
    wanted = torch.zeros(50, dtype=torch.bool)
    wanted[::2] = True
    flags, offers = offer_rows(rows, wanted, step=5)
    assert torch.equal(flags.bool(), wanted)
    found = offers[wanted].flatten().sort().values
    assert found.diff().min() >= 1
    assert found.diff().max() <= 8


def test_rows_are_not_offered_from_one_column_of_the_data():
    column = (torch.arange(512) % 16).float().unsqueeze(1)
    _, offers = offer_rows(column, torch.ones(32, dtype=torch.bool))
    assert len(offers.unique()) >= 12
