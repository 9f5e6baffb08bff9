from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from autoencoders import LossConfig, PatchDiscriminator, VQGANLoss
from autoencoders.losses import Loss, frozen
from autoencoders.pictures.gan_loss import adaptive_weight
from autoencoders.pictures.logit_laplace import logit_laplace_loss
from autoencoders.pictures.perceptual import MSSSIMLoss


class Pair:
    """A decoder of one layer and a discriminator, with a batch of pictures."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.decoder = nn.Conv2d(3, 3, 3, padding=1)
        self.discriminator = PatchDiscriminator(layers=1, width=4)
        self.images = torch.rand(2, 3, 16, 16) * 2 - 1
        self.reconstruction = self.decoder(self.images)
        self.quantizer_loss = 0.1 * self.decoder.weight.square().sum()


@pytest.fixture
def pair() -> Pair:
    return Pair()


def generator_step(loss: VQGANLoss, pair: Pair, step: int = 0, **changes: object) -> Loss:
    options = {"discriminator": pair.discriminator, "last_layer": pair.decoder.weight, **changes}
    return loss.generator(pair.images, pair.reconstruction, pair.quantizer_loss, step=step, **options)


@pytest.mark.parametrize(("reconstruction", "difference"), [("l1", F.l1_loss), ("l2", F.mse_loss)])
@pytest.mark.parametrize("perceptual", ["none", "ms-ssim"])
def test_total_is_the_weighted_sum(
    pair: Pair, reconstruction: str, difference: Callable[..., torch.Tensor], perceptual: str
) -> None:
    config = LossConfig(
        reconstruction, perceptual, perceptual_weight=0.7, gan_weight=0.5, gan_start=0, codebook_weight=2.0
    )
    loss = generator_step(VQGANLoss(config), pair)
    picture = difference(pair.reconstruction, pair.images)
    if perceptual == "ms-ssim":
        picture = picture + 0.7 * MSSSIMLoss()(pair.reconstruction, pair.images)
    adversarial = -pair.discriminator(pair.reconstruction).mean()
    weight = adaptive_weight(picture, adversarial, pair.decoder.weight)
    torch.testing.assert_close(loss.total, picture + 2 * pair.quantizer_loss + 0.5 * weight * adversarial)
    names = ["reconstruction", "perceptual", "quantizer", "generator", "adaptive_weight", "total"]
    assert list(loss.terms) == [name for name in names if perceptual != "none" or name != "perceptual"]
    assert not any(term.requires_grad for term in loss.terms.values())
    torch.testing.assert_close(loss.terms["total"], loss.total.detach())
    torch.testing.assert_close(loss.terms["adaptive_weight"], weight)


def test_logit_laplace_takes_the_scale_of_the_pixels(pair: Pair) -> None:
    log_scale = torch.randn_like(pair.images)
    loss = generator_step(VQGANLoss(LossConfig("logit-laplace", "none", gan_start=0)), pair, log_scale=log_scale)
    expected = logit_laplace_loss(pair.images, pair.reconstruction, log_scale)
    torch.testing.assert_close(loss.terms["reconstruction"], expected.detach())
    adversarial = -pair.discriminator(pair.reconstruction).mean()
    weight = adaptive_weight(expected, adversarial, pair.decoder.weight)
    torch.testing.assert_close(loss.total, expected + pair.quantizer_loss + 0.8 * weight * adversarial)


def test_logit_laplace_is_refused_to_a_tokenizer_without_a_scale(pair: Pair) -> None:
    loss = VQGANLoss(LossConfig("logit-laplace", "none", gan="none"))
    with pytest.raises(ValueError, match="needs the log_scale of the pixels, which this tokenizer does not give"):
        generator_step(loss, pair)


def test_gan_waits_for_its_start(pair: Pair) -> None:
    loss = VQGANLoss(LossConfig(perceptual="none", gan_start=5))
    assert [loss.gan_active(step) for step in (4, 5)] == [False, True]
    assert "generator" not in generator_step(loss, pair, step=4, discriminator=None).terms
    assert "generator" in generator_step(loss, pair, step=5).terms
    with pytest.raises(ValueError, match="active at step 5: discriminator and last_layer"):
        generator_step(loss, pair, step=5, discriminator=None)
    off = VQGANLoss(LossConfig(perceptual="none", gan="none", gan_start=0))
    assert not off.gan_active(10)
    assert off.make_discriminator() is None


def test_each_player_moves_its_own_weights(pair: Pair) -> None:
    loss = VQGANLoss(LossConfig(perceptual="none", gan_start=0))
    generator_step(loss, pair).total.backward()
    assert pair.decoder.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in pair.discriminator.parameters())
    assert all(parameter.requires_grad for parameter in pair.discriminator.parameters())
    before = pair.decoder.weight.grad.clone()
    result = loss.discriminator(pair.images, pair.reconstruction, pair.discriminator)
    result.total.backward()
    assert all(parameter.grad is not None for parameter in pair.discriminator.parameters())
    assert torch.equal(pair.decoder.weight.grad, before)
    assert list(result.terms) == ["discriminator", "real", "fake"]


def test_the_generator_learns_through_the_frozen_discriminator(pair: Pair) -> None:
    pair.discriminator.main[0].bias.requires_grad_(False)
    with frozen(pair.discriminator) as critic:
        gradient = torch.autograd.grad(critic(pair.reconstruction).mean(), pair.decoder.weight)[0]
    assert gradient.abs().sum() > 0
    assert not pair.discriminator.main[0].bias.requires_grad  # what was frozen before stays so


def test_a_nan_can_be_named(pair: Pair) -> None:
    pair.quantizer_loss = pair.quantizer_loss * float("nan")
    terms = generator_step(VQGANLoss(LossConfig(perceptual="ms-ssim", gan_start=0)), pair).terms
    assert [name for name, term in terms.items() if term.isnan()] == ["quantizer", "total"]


def test_a_configured_discriminator_and_an_empty_state() -> None:
    loss = VQGANLoss(LossConfig(perceptual="ms-ssim", discriminator_layers=2, discriminator_width=8))
    discriminator = loss.make_discriminator(in_channels=1)
    assert discriminator(torch.zeros(1, 1, 12, 12)).shape == (1, 1, 1, 1)
    assert loss.state_dict() == {}
    assert loss.choice.kind == "ms-ssim"


def test_bf16_autocast(pair: Pair) -> None:
    loss = VQGANLoss(LossConfig(perceptual="ms-ssim", gan_start=0))
    expected = generator_step(loss, pair).terms
    with torch.autocast("cpu", torch.bfloat16):
        pair.reconstruction = pair.decoder(pair.images)
        result = generator_step(loss, pair)
        critic = loss.discriminator(pair.images, pair.reconstruction, pair.discriminator)
    assert result.total.dtype == torch.float32
    for name, term in result.terms.items():
        torch.testing.assert_close(term, expected[name], rtol=0.05, atol=0.01)
    (result.total + critic.total).backward()
    assert pair.decoder.weight.grad.isfinite().all()


def test_bad_weight() -> None:
    with pytest.raises(ValueError, match=r"gan_weight must be a finite number >= 0, got -1\.0"):
        LossConfig(gan_weight=-1.0)
