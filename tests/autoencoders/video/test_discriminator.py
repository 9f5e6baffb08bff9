"""The discriminator of films, beside that of pictures."""

import pytest
import torch
from torch import nn

from autoencoders import PatchDiscriminator, PatchDiscriminator3d
from autoencoders.video.discriminator import GlobalBatchNorm3d


@pytest.mark.parametrize(
    ("layers", "extent", "logits"),
    [(3, (17, 32, 64), (3, 2, 6)), (2, (1, 12, 32), (1, 1, 6)), (1, (2, 6, 6), (1, 1, 1))],
)
def test_one_logit_per_patch(layers: int, extent: tuple[int, ...], logits: tuple[int, ...]) -> None:
    assert PatchDiscriminator3d(layers, width=8)(torch.zeros(2, 3, *extent)).shape == (2, 1, *logits)


def test_of_one_frame_it_is_the_one_for_pictures() -> None:
    """With the weights of its middle frames; in training, so that the batch's statistics count."""
    torch.manual_seed(0)
    ours, pictures = PatchDiscriminator3d(2, width=8), PatchDiscriminator(2, width=8)
    weights = {name: of[:, :, 1] if of.ndim == 5 else of for name, of in ours.state_dict().items()}
    pictures.load_state_dict(weights)
    frames = torch.randn(3, 3, 1, 32, 32)
    torch.testing.assert_close(ours(frames)[:, :, 0], pictures(frames[:, :, 0]))
    torch.testing.assert_close(ours.eval()(frames)[:, :, 0], pictures.eval()(frames[:, :, 0]))


def test_it_normalises_as_pytorch_does() -> None:
    ours, theirs = GlobalBatchNorm3d(4), nn.BatchNorm3d(4)
    films = 3 * torch.randn(2, 4, 3, 5, 6) + 1
    torch.testing.assert_close(ours(films), theirs(films))
    torch.testing.assert_close(ours.eval()(films), theirs.eval()(films))


def test_a_logit_sees_time_and_space() -> None:
    discriminator = PatchDiscriminator3d(2, width=8).eval()
    films = torch.rand(1, 3, 33, 64, 64, requires_grad=True)
    logits = discriminator(films)
    place = [side // 2 for side in logits.shape[2:]]
    logits[0, 0, place[0], place[1], place[2]].backward()
    touched = films.grad.abs().sum((0, 1)).nonzero()
    assert (touched.amax(0) - touched.amin(0) + 1).tolist() == [23, 34, 34]


def test_bad_sizes() -> None:
    with pytest.raises(ValueError, match="at least 24 pixels, got 23 × 32; give it fewer layers"):
        PatchDiscriminator3d()(torch.zeros(1, 3, 4, 23, 32))
    with pytest.raises(ValueError, match="layers and width must be at least 1"):
        PatchDiscriminator3d(layers=0)
