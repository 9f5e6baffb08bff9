"""The Inception Score against torch-fidelity and cases with a known answer; its logits against the network's own."""

import pytest
import torch
from torch_fidelity import feature_extractor_inceptionv3
from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric

from benchmarks.metrics.inception import Inception
from benchmarks.metrics.inception_score import inception_score


@pytest.mark.parametrize("count", [10, 37, 500])
@pytest.mark.parametrize("scale", [0.1, 3.0, 30.0])
def test_equal_to_torch_fidelity(count, scale):
    logits = torch.randn(count, 30, generator=torch.Generator().manual_seed(0)) * scale
    theirs = isc_features_to_metric(logits, 10, True, 2020)
    found = inception_score(logits)
    assert found.mean == pytest.approx(theirs[KEY_METRIC_ISC_MEAN], rel=1e-9)
    assert found.deviation == pytest.approx(theirs[KEY_METRIC_ISC_STD], rel=1e-6, abs=1e-9)


def test_sure_and_diverse_is_the_number_of_classes():
    logits = 1000.0 * torch.eye(8).repeat(500, 1)
    assert inception_score(logits).mean == pytest.approx(8, rel=0.02)
    assert inception_score(logits, splits=1).mean == pytest.approx(8, rel=1e-9)


def test_probabilities_that_underflow_count_nothing():
    """Where torch-fidelity has 0 times infinity."""
    logits = torch.tensor([[0.0, 3000.0], [0.0, 3000.0]]).repeat(10, 1)
    assert inception_score(logits) == (1, 0)


def test_unsure_or_alike_is_one():
    assert inception_score(torch.zeros(50, 8)) == pytest.approx((1, 0))
    assert inception_score(1000.0 * torch.eye(8)[:1].repeat(50, 1)) == pytest.approx((1, 0))


def test_pictures_that_come_class_by_class_are_dealt_out():
    """Each split sees all classes, and not one alone."""
    logits = 1000.0 * torch.eye(10).repeat_interleave(100, 0)
    assert inception_score(logits).mean > 8


def test_too_few_pictures_are_refused():
    with pytest.raises(ValueError, match="at least 10 pictures"):
        inception_score(torch.zeros(9, 4))


def test_logits_are_torch_fidelitys_without_bias(tmp_path, monkeypatch):
    network = feature_extractor_inceptionv3.FeatureExtractorInceptionV3
    with monkeypatch.context() as patch:
        patch.setattr(feature_extractor_inceptionv3, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(network, "load_state_dict", lambda *_: None)
        torch.manual_seed(0)
        torch.save(network("inception", ["2048"]).state_dict(), tmp_path / "random.pth")
    pictures = torch.randint(256, (2, 3, 40, 40), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    inception = Inception(tmp_path / "random.pth")
    theirs = network("inception", ["2048", "logits_unbiased"], str(tmp_path / "random.pth"))
    features, logits = theirs(pictures)
    assert logits.std() > 0
    torch.testing.assert_close(inception.logits(features), logits)
    torch.testing.assert_close(inception.logits(inception(pictures)), logits)
