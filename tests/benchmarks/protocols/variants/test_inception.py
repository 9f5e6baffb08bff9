"""What Inception is shown, against clean-fid, OpenCV's formula and torch-fidelity; its network taken apart."""

from pathlib import Path

import numpy as np
import pytest
import torch
from cleanfid.resize import build_resizer
from skimage import data
from torch_fidelity import feature_extractor_inceptionv3
from torchvision.transforms import functional as F

from benchmarks.metrics.inception import Inception
from benchmarks.protocols.variants.inception import INCEPTION_INPUTS, features_of


def pictures(side: int = 64) -> torch.Tensor:
    return torch.stack([torch.from_numpy(p[:side, :side].copy()) for p in (data.astronaut(), data.coffee())]).movedim(
        3, 1
    )


@pytest.mark.parametrize("side", [64, 320])
def test_clean_fids_resize(side):
    resize = build_resizer("clean")
    expected = np.stack([resize(picture.movedim(0, 2).numpy()) for picture in pictures(side)])
    found = INCEPTION_INPUTS["clean-fid"](pictures(side)) * 128 + 128
    np.testing.assert_allclose(found.movedim(1, 3), expected, rtol=0, atol=1e-4)


def test_pytorch_fids_resize():
    """Two rows and columns, so that every value is known: pixel centres at a quarter and three quarters."""
    levels = torch.tensor([[0.0, 255.0], [0.0, 255.0]]).expand(1, 3, 2, 2)
    found = INCEPTION_INPUTS["pytorch-fid"](levels)
    expected = (((np.arange(299) + 0.5) * 2 / 299 - 0.5).clip(0, 1)) * 2 - 1
    np.testing.assert_allclose(found[0, 0, 0], expected, atol=1e-5)
    same = F.resize(pictures().float() / 255, [299, 299], F.InterpolationMode.BILINEAR, antialias=False)
    np.testing.assert_allclose(INCEPTION_INPUTS["pytorch-fid"](pictures()), 2 * same - 1, atol=1e-5)


def test_tensorflows_resize_begins_at_the_corner():
    levels = torch.tensor([[0.0, 255.0], [0.0, 255.0]]).expand(1, 3, 2, 2)
    found = INCEPTION_INPUTS["tensorflow"](levels)
    expected = ((np.arange(299) * 2 / 299).clip(0, 1) * 255 - 128) / 128
    np.testing.assert_allclose(found[0, 0, 0], expected, atol=1e-4)


def test_the_network_taken_apart_gives_the_same_features(random_inception: Path):
    whole = Inception(random_inception)
    found = features_of(random_inception)(INCEPTION_INPUTS["tensorflow"](pictures()))
    assert found.shape == (2, 2048)
    torch.testing.assert_close(found, whole(pictures()))
    assert found.std() > 0


@pytest.fixture(scope="session")
def random_inception(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights in Inception's form."""
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    network = feature_extractor_inceptionv3.FeatureExtractorInceptionV3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_extractor_inceptionv3, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(network, "load_state_dict", lambda *_: None)
        torch.manual_seed(0)
        torch.save(network("inception", ["2048"]).state_dict(), path)
    return path
