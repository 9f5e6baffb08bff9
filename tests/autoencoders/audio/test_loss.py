"""The training loss for sound: its terms by hand, shares and factors, and who gets which gradient."""

from dataclasses import replace

import pytest
import torch
from small_sounds import tones

from autoencoders.audio.distances import mel_distance, waveform_distance
from autoencoders.audio.gan_loss import audio_generator_loss, feature_loss
from autoencoders.audio.loss import AudioLoss
from autoencoders.audio.loss_config import AudioLossConfig

RATE = 16_000
SMALL = AudioLossConfig(
    mel_windows=(64, 256), mel_bands=(8, 20), gan_start=2, discriminator_width=2, codebook_weight=0.5
)
KINDS = [("hinge", "stft"), ("least-squares", "period-band")]


def sounds() -> tuple[torch.Tensor, torch.Tensor]:
    original = tones(2, 4096)
    noise = torch.randn(original.shape, generator=torch.Generator().manual_seed(1))
    return original, (original + 0.05 * noise).requires_grad_()


@pytest.mark.parametrize(("gan", "discriminators"), KINDS)
def test_terms_and_factors(gan: str, discriminators: str) -> None:
    config = replace(SMALL, gan=gan, discriminators=discriminators, balanced=False)
    loss, (original, made) = AudioLoss(config, RATE), sounds()
    players = loss.make_discriminator()
    total, terms = loss.generator(original, made, torch.tensor(3.0), step=2, discriminator=players)
    real, fake = players(original), players(made)
    expected = {
        "waveform": waveform_distance(made, original).mean(),
        "mel": mel_distance(made, original, RATE, config.mel).mean(),
        "generator": audio_generator_loss(config.gan, fake),
        "features": feature_loss(config.gan, real, fake),
        "quantizer": torch.tensor(3.0),
    }
    expected["total"] = 0.1 * expected["waveform"] + expected["mel"] + 0.5 * expected["quantizer"]
    expected["total"] = expected["total"] + 3 * (expected["generator"] + expected["features"])
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value.detach())
    torch.testing.assert_close(total, expected["total"])


def test_before_its_start_and_without_a_gan_nobody_judges() -> None:
    original, made = sounds()
    for config, step in ((SMALL, 1), (replace(SMALL, gan="none"), 10)):
        loss = AudioLoss(config, RATE)
        assert not loss.gan_active(step)
        _, terms = loss.generator(original, made, torch.zeros(()), step=step)
        assert terms.keys() == {"waveform", "mel", "quantizer", "total"}
    assert AudioLoss(replace(SMALL, gan="none"), RATE).make_discriminator() is None
    with pytest.raises(ValueError, match="active at step 2: the discriminators must be given"):
        AudioLoss(SMALL, RATE).generator(original, made, torch.zeros(()), step=2)


def test_balanced_weights_are_shares_of_the_gradient() -> None:
    """At the first step each loss's gradient has its share as norm, whatever its scale, and they add."""
    loss, (original, made) = AudioLoss(replace(SMALL, gan="none", waveform_weight=1.0, mel_weight=3.0), RATE), sounds()
    (gradient,) = torch.autograd.grad(loss.generator(original, made, torch.zeros(()), step=0).total, made)
    parts = {"waveform": waveform_distance(made, original).mean(), "mel": mel_distance(made, original, RATE, SMALL.mel)}
    single = [torch.autograd.grad(part.mean(), made)[0] for part in parts.values()]
    shares = [of / of.flatten(1).norm(dim=1).mean() for of in single]
    torch.testing.assert_close(gradient, 0.25 * shares[0] + 0.75 * shares[1])
    assert loss.state_dict().keys() == {"balancer.norms", "balancer.seen"}


def test_no_gradient_reaches_the_other_player() -> None:
    loss, (original, made) = AudioLoss(SMALL, RATE), sounds()
    players = loss.make_discriminator()
    loss.generator(original, made, torch.zeros(()), step=2, discriminator=players).total.backward()
    assert made.grad is not None
    assert all(parameter.grad is None for parameter in players.parameters())
    made.grad = None
    total, terms = loss.discriminator(original, made, players)
    total.backward()
    assert made.grad is None
    assert all(parameter.grad is not None for parameter in players.parameters())
    assert terms.keys() == {"discriminator", "real", "fake"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"waveform_weight": 0.0, "mel_weight": 0.0}, "nothing else holds the sound"),
        ({"mel_windows": (64, 128, 256)}, "bands must be as many as the 3 windows"),
        ({"gan_weight": -1.0}, "gan_weight"),
    ],
)
def test_settings_that_cannot_work(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes)
