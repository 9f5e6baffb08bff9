"""Precision and recall against torch-fidelity, brute force and cases that can be counted by hand."""

import pytest
import torch
from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

from benchmarks.metrics import precision_recall as module
from benchmarks.metrics.precision_recall import covered, precision_recall, squared_radii


def features(count: int, dim: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    """Non-negative as Inception's are."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dim, dim, generator=torch.Generator().manual_seed(0)) / dim**0.5
    return (torch.randn(count, dim, generator=generator) @ mixing + shift).abs()


def by_brute_force(real: torch.Tensor, generated: torch.Tensor, neighbours: int) -> tuple[float, float]:
    """The definition, from all differences in float64."""

    def share(points: torch.Tensor, centres: torch.Tensor) -> float:
        own = (centres[:, None] - centres).square().sum(2)
        radii = own.sort(1).values[:, neighbours]
        return ((points[:, None] - centres).square().sum(2) <= radii).any(1).double().mean().item()

    real, generated = real.double(), generated.double()
    return share(generated, real), share(real, generated)


@pytest.mark.parametrize("rows", [7, 64, 1000])
@pytest.mark.parametrize(
    ("real", "generated", "dim", "shift"), [(90, 60, 8, 0.1), (50, 120, 8, 0.0), (80, 80, 40, 0.05), (4, 4, 3, 0.0)]
)
def test_equal_to_torch_fidelity_and_to_the_definition(real, generated, dim, shift, rows, monkeypatch):
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", rows)
    a, b = features(real, dim, 1), features(generated, dim, 2, shift)
    found = precision_recall(a, b)
    theirs = prc_features_to_metric(
        b.double(), a.double(), prc_neighborhood=3, prc_batch_size=50, save_cpu_ram=False, verbose=False
    )
    expected = theirs[KEY_METRIC_PRECISION], theirs[KEY_METRIC_RECALL]
    assert found == pytest.approx(expected, abs=1e-7)  # which averages in float32
    assert found == pytest.approx(by_brute_force(a, b, 3), abs=1e-12)
    if min(real, generated) > 10:
        assert 0 < found.precision < 1
        assert 0 < found.recall < 1


def test_other_neighbourhoods():
    a, b = features(60, 6, 1), features(70, 6, 2, 0.1)
    found = [precision_recall(a, b, neighbours) for neighbours in (1, 2, 5)]
    assert found == [pytest.approx(by_brute_force(a, b, neighbours), abs=1e-12) for neighbours in (1, 2, 5)]
    assert len(set(found)) == 3


def test_which_is_which():
    """A generator that knows one of two modes is precise and recalls half."""
    near, far = features(40, 4, 1), features(40, 4, 2) + 1000
    found = precision_recall(torch.cat([near, far]), features(200, 4, 1)[:40] * 1.0)
    assert found.precision == 1
    assert found.recall == 0.5


def test_points_on_a_line():
    """0 to 9: the third neighbour of 4 is 2 away, that of 0 is 3."""
    line = torch.arange(10.0).double()[:, None]
    assert squared_radii(line, 3).sqrt().tolist() == [3, 2, 2, 2, 2, 2, 2, 2, 2, 3]
    points = torch.tensor([-3.0, -3.001, 5.5, 12.0, 12.001]).double()[:, None]
    found, reached = covered(points, line, torch.tensor([0.25, 0, 0, 1, 0]).double(), squared_radii(line, 3))
    assert found.tolist() == [True, False, True, True, False]
    assert reached.nonzero().flatten().tolist() == []
    _, reached = covered(points, line, torch.tensor([9, 0, 0.25, 0, 0]).double(), squared_radii(line, 3))
    assert reached.nonzero().flatten().tolist() == [0, 5, 6]


def test_equal_sets_are_perfect():
    a = features(50, 16, 1)
    assert precision_recall(a, a) == (1, 1)
    assert precision_recall(a, a[torch.randperm(50, generator=torch.Generator().manual_seed(0))]) == (1, 1)


def test_a_collapsed_generator(monkeypatch):
    """One real picture again and again: its balls are points, and cover that picture alone."""
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 8)
    real = features(50, 64, 1) * 30 + 100
    assert precision_recall(real, real[7:8].expand(20, -1)) == (1, 1 / 50)
    elsewhere = precision_recall(real, features(1, 64, 5).expand(20, -1))
    assert elsewhere == (0, 0)


def test_far_modes_lose_no_neighbours():
    """Float64 keeps what a product of float32 numbers loses: neighbours about 1 apart in modes 2000 apart."""
    modes = torch.where(torch.arange(60) % 2 == 0, 1000.0, -1000.0)[:, None]
    a, b = features(60, 8, 1) + modes, features(60, 8, 2, 0.1) + modes
    found = precision_recall(a, b)
    assert found == pytest.approx(by_brute_force(a, b, 3), abs=1e-12)
    assert 0 < found.precision < 1


@pytest.mark.parametrize(("real", "generated"), [(3, 50), (50, 3), (0, 50)])
def test_too_few_pictures_are_refused(real, generated):
    with pytest.raises(ValueError, match=f"more than 3 pictures of each kind, got {real} real and {generated} gen"):
        precision_recall(features(real, 4, 1), features(generated, 4, 2))


def test_no_matrix_of_all_pairs(monkeypatch):
    """Every tensor that is made has at most a block's size, or the features'."""
    largest = 0
    blocks = module._blocks

    def watched(*sets):
        nonlocal largest
        for block in blocks(*sets):
            largest = max(largest, block.distances.numel())
            yield block

    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 32)
    monkeypatch.setattr(module, "_blocks", watched)
    precision_recall(features(200, 4, 1), features(300, 4, 2))
    assert largest == 32 * 32
