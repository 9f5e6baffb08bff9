"""All metrics of generated pictures from two streams: each is its own function's, whatever the batches."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import benchmarks
from benchmarks.metrics.fid import FeatureSums, frechet_distance
from benchmarks.metrics.inception_score import inception_score
from benchmarks.metrics.precision_recall import precision_recall
from benchmarks.metrics.swd import swd
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.generation import metrics as generation
from benchmarks.protocols.generation.metrics import METRICS, OF_INCEPTION, GenerationMetrics, generation_metrics
from benchmarks.records.generation import PROTOCOL


class Projection(nn.Module):
    """Stands for Inception: fixed random features of the pixels, and logits of these."""

    def __init__(self, _: Path) -> None:
        super().__init__()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        weights = torch.randn(12, 8, generator=torch.Generator().manual_seed(0))
        return nn.functional.adaptive_avg_pool2d(pictures.float(), 2).flatten(1) @ weights / 100

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        return 3 * features[:, :5]


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MetricWeights:
    monkeypatch.setattr(generation, "Inception", Projection)
    monkeypatch.setattr(generation, "FEATURES", 8)
    return MetricWeights(inception=tmp_path / "network", missing={})


def pictures(count: int, seed: int, side: int = 20) -> torch.Tensor:
    """Noise of many means; every other one darker with a seed above 0."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(count, 3, side, side, generator=generator) * torch.rand(count, 3, 1, 1, generator=generator)
    noise[::2] /= 1 + seed
    return (255 * noise).byte()


def measure(fake: torch.Tensor, real: torch.Tensor, weights: MetricWeights, batch: int = 9) -> GenerationMetrics:
    return generation_metrics(fake.split(batch), real.split(batch), weights=weights, device="cpu")


def sums(features: torch.Tensor) -> FeatureSums:
    total = FeatureSums.zeros(features.shape[1])
    total.update(features)
    return total


def test_each_metric_is_its_own_functions(weights):
    fake, real = pictures(40, 1), pictures(50, 0)
    network = Projection(Path())
    features = network(fake), network(real)
    seen: list[int] = []
    found = generation_metrics(fake.split(7), real.split(16), weights=weights, device="cpu", progress=seen.append)
    assert tuple(found.metrics) == METRICS
    assert (found.generated, found.references, sum(seen)) == (40, 50, 90)
    assert found.missing == {}
    assert found.metrics["gfid"] == pytest.approx(frechet_distance(*map(sums, features)), rel=1e-9)
    expected = precision_recall(features[1][:40], features[0])
    assert (found.metrics["precision"], found.metrics["recall"]) == expected
    assert expected.precision != expected.recall
    score = inception_score(network.logits(features[0]))
    assert (found.metrics["inception_score"], found.metrics["inception_score_deviation"]) == pytest.approx(score)
    assert found.metrics["generated_swd"] == swd(real[:40], fake, np.arange(40)).mean


def test_only_the_first_are_compared(weights, monkeypatch):
    """Precision, recall and SWD are of bounded numbers; gFID and the Inception Score of all."""
    fake, real = pictures(40, 1), pictures(50, 0)
    everything = measure(fake, real, weights).metrics
    monkeypatch.setattr(generation, "MAX_COMPARED", 20)
    monkeypatch.setattr(generation, "MAX_SWD", 11)
    found, first = measure(fake, real, weights), measure(fake[:20], real[:20], weights)
    for name in ("precision", "recall"):
        assert found.metrics[name] == first.metrics[name]
        assert "first 20 pictures" in found.notes[name]
    assert found.metrics["generated_swd"] == swd(real[:11], fake[:11], np.arange(11)).mean
    for name in ("gfid", "inception_score"):
        assert found.metrics[name] == everything[name] != first.metrics[name]


@pytest.mark.parametrize("batch", [1, 40])
def test_batches_change_nothing(batch, weights):
    fake, real = pictures(40, 1), pictures(40, 0)
    found, other = (measure(fake, real, weights, size).metrics for size in (batch, 9))
    assert found == pytest.approx(other, rel=1e-5)


def test_equal_sets(weights):
    found = measure(pictures(40, 0), pictures(40, 0), weights).metrics
    assert found["gfid"] == pytest.approx(0, abs=1e-6)
    assert (found["precision"], found["recall"], found["generated_swd"]) == (1, 1, 0)


def test_without_weights_only_what_needs_none_is_measured():
    found = measure(pictures(12, 1), pictures(12, 0), MetricWeights())
    assert {name for name, value in found.metrics.items() if value is None} == set(OF_INCEPTION) == set(found.missing)
    assert all("python -m benchmarks.weights" in reason for reason in found.missing.values())
    assert found.metrics["generated_swd"] > 0


@pytest.mark.parametrize(
    ("count", "missing"),
    [
        (1, {"gfid", "precision", "recall", "inception_score", "inception_score_deviation"}),
        (3, {"precision", "recall", "inception_score", "inception_score_deviation"}),
        (9, {"inception_score", "inception_score_deviation"}),
        (10, set()),
    ],
)
def test_too_few_pictures_leave_metrics_empty(count, missing, weights):
    found = measure(pictures(count, 1), pictures(count, 0), weights)
    assert set(found.missing) == missing == {name for name, value in found.metrics.items() if value is None}
    assert ("biased upwards" in found.notes.get("gfid", "")) == (1 < count <= 8)


def test_small_pictures_have_no_swd(weights):
    found = measure(pictures(12, 1, 15), pictures(12, 0, 15), weights)
    assert found.metrics["generated_swd"] is None
    assert "16 x 16" in found.missing["generated_swd"]


def test_bad_streams_are_refused(weights):
    with pytest.raises(ValueError, match="got 0 generated and 5 real"):
        generation_metrics([], pictures(5, 0).split(2), weights=weights, device="cpu")
    with pytest.raises(ValueError, match="must have one size"):
        measure(pictures(5, 0), pictures(5, 0, 24), weights)


def test_the_document_has_the_version_of_the_code():
    document = Path(benchmarks.__file__).parent / "protocols" / "generation.md"
    text = document.read_text(encoding="utf-8")
    assert re.findall(r"^Version: `(.+)`$", text, re.MULTILINE) == [PROTOCOL]
    for name in METRICS:
        assert f"`{name}`" in text
