import pytest
import torch

from autoencoders.audio.discriminators import Opinion
from autoencoders.audio.gan_loss import audio_discriminator_loss, audio_generator_loss, feature_loss


def opinion(logits: list[float], *features: list[float]) -> Opinion:
    return Opinion(torch.tensor(logits)[None, None], [torch.tensor(each)[None, None] for each in features])


REAL = [opinion([2.0, 0.5], [1.0, -3.0], [2.0]), opinion([0.0], [4.0])]
FAKE = [opinion([-3.0, 1.0], [2.0, -1.0], [2.5]), opinion([0.5], [1.0])]


def test_hinge() -> None:
    # of the first: mean of 0, 0.5 and of 0, 2; of the second: 1 and 1.5
    assert audio_discriminator_loss("hinge", REAL, FAKE).item() == pytest.approx((0.25 + 1 + 1 + 1.5) / 2)
    assert audio_generator_loss("hinge", FAKE).item() == pytest.approx(((4 + 0) / 2 + 0.5) / 2)


def test_least_squares() -> None:
    expected = (1 + 0.25) / 2 + (9 + 1) / 2 + 1 + 0.25
    assert audio_discriminator_loss("least-squares", REAL, FAKE).item() == pytest.approx(expected)
    assert audio_generator_loss("least-squares", FAKE).item() == pytest.approx((16 + 0) / 2 + 0.25)


def test_features() -> None:
    differences = [(1 + 2) / 2, 0.5, 3]
    assert feature_loss("least-squares", REAL, FAKE).item() == pytest.approx(sum(differences))
    relative = [1.5 / 2, 0.5 / 2, 3 / 4]
    assert feature_loss("hinge", REAL, FAKE).item() == pytest.approx(sum(relative) / 3)


@pytest.mark.parametrize("kind", ["hinge", "least-squares"])
def test_features_of_real_sounds_are_fixed(kind: str) -> None:
    real, fake = torch.rand(1, 1, 3, requires_grad=True), torch.rand(1, 1, 3, requires_grad=True)
    feature_loss(kind, [Opinion(real, [real])], [Opinion(fake, [fake])]).backward()
    assert real.grad is None
    assert fake.grad.any()


def test_unknown_kind() -> None:
    for loss in (
        lambda: audio_discriminator_loss("hing", REAL, FAKE),
        lambda: audio_generator_loss("hing", FAKE),
        lambda: feature_loss("hing", REAL, FAKE),
    ):
        with pytest.raises(ValueError, match="kind must be 'hinge' or 'least-squares', got 'hing'"):
            loss()
