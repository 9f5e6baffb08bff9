"""Published weights: found, checked, fetched, and a sentence where that fails."""

import dataclasses
import hashlib

import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
from torchvision.models import VGG16_Weights

from autoencoders.pictures.perceptual import LPIPS_BACKBONES
from benchmarks.metrics import weights as module
from benchmarks.metrics.weights import INCEPTION, LPIPS_BACKBONE, MetricWeights, PublishedWeights
from benchmarks.weights import main

CONTENT = b"weights" * 100
DIGEST = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    """An empty torch hub cache of the test's own."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def published(tmp_path, monkeypatch) -> PublishedWeights:
    """Small stand-ins for both files, on a server that is a folder."""
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / f"small-{DIGEST}.pth").write_bytes(CONTENT)
    url = (tmp_path / "server" / f"small-{DIGEST}.pth").as_uri()
    for name in ("INCEPTION", "LPIPS_BACKBONE"):
        monkeypatch.setattr(module, name, dataclasses.replace(getattr(module, name), url=url))
    monkeypatch.setattr(module, "PUBLISHED", (module.INCEPTION, module.LPIPS_BACKBONE))
    return module.INCEPTION


def test_the_libraries_files_and_hashes():
    assert (INCEPTION.filename, INCEPTION.digest) == ("weights-inception-2015-12-05-6726825d.pth", "6726825d")
    assert (LPIPS_BACKBONE.filename, LPIPS_BACKBONE.digest) == (LPIPS_BACKBONES["vgg"], "397923af")
    assert (INCEPTION.url, LPIPS_BACKBONE.url) == (URL_INCEPTION_V3, VGG16_Weights.IMAGENET1K_V1.url)


def test_an_empty_cache_leaves_reasons():
    found = MetricWeights.find()
    assert (found.inception, found.lpips_backbone) == (None, None)
    assert found == MetricWeights()
    assert set(found.missing) == {"rfid", "lpips"}


def test_fetched_once_and_then_found(published, capsys):
    assert main([]) == 0
    assert published.cached.read_bytes() == CONTENT
    assert main([]) == 0
    assert "is at hand" in capsys.readouterr().out
    assert MetricWeights.find() == MetricWeights(published.cached, published.cached, {})


def test_a_truncated_file_in_the_cache_is_named_and_fetched_again(published, hub):
    hub.mkdir(parents=True)
    published.cached.write_bytes(CONTENT[:-1])
    assert f"{published.cached} is not" in MetricWeights.find().missing["rfid"]
    assert main([]) == 0
    assert MetricWeights.find().missing == {}


def test_a_wrong_file_by_path_is_an_error(published, tmp_path):
    (tmp_path / "other.pth").write_bytes(b"other")
    with pytest.raises(ValueError, match=f"expected {DIGEST}"):
        MetricWeights.find(inception=tmp_path / "other.pth")
    with pytest.raises(ValueError, match="there is no file"):
        MetricWeights.find(lpips_backbone=tmp_path / "nothing.pth")
    (tmp_path / "renamed.pth").write_bytes(CONTENT)
    assert MetricWeights.find(inception=tmp_path / "renamed.pth").inception == tmp_path / "renamed.pth"


def test_offline_says_where_to_get_it_and_where_to_put_it(published, monkeypatch, capsys):
    unreachable = dataclasses.replace(published, url=f"http://127.0.0.1:9/small-{DIGEST}.pth")
    monkeypatch.setattr(module, "PUBLISHED", (unreachable,))
    assert main([]) == 1
    message = capsys.readouterr().err
    assert unreachable.url in message
    assert str(unreachable.cached) in message
    assert "Traceback" not in message
    assert not unreachable.cached.exists()


def test_a_download_with_the_wrong_hash_is_refused(published, tmp_path, monkeypatch, capsys):
    (tmp_path / "server" / "small-00000000.pth").write_bytes(CONTENT)
    altered = dataclasses.replace(published, url=(tmp_path / "server" / "small-00000000.pth").as_uri())
    monkeypatch.setattr(module, "PUBLISHED", (altered,))
    assert main([]) == 1
    assert "invalid hash" in capsys.readouterr().err
    assert not altered.cached.exists()


def test_list_fetches_nothing(published, capsys):
    assert main(["--list"]) == 0
    assert "not at hand" in capsys.readouterr().out
    assert not published.cached.exists()
