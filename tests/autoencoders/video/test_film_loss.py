"""The loss of films: that of pictures on each frame, and of what changes between frames."""

import pytest
import torch
from einops import rearrange

from autoencoders import FilmLoss, FilmLossConfig, LossConfig, PatchDiscriminator3d, VQGANLoss, temporal_difference_loss
from autoencoders.pictures.gan_loss import adaptive_weight

FILMS = torch.rand(2, 3, 5, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def _made() -> tuple[torch.nn.Conv3d, torch.Tensor]:
    torch.manual_seed(0)
    decoder = torch.nn.Conv3d(3, 3, 3, padding=1)
    return decoder, decoder(FILMS)


@pytest.mark.parametrize("reconstruction", ["l1", "l2"])
@pytest.mark.parametrize("perceptual", ["none", "ms-ssim"])
def test_each_frame_is_a_picture(reconstruction: str, perceptual: str) -> None:
    terms = {"reconstruction": reconstruction, "perceptual": perceptual, "perceptual_weight": 0.3, "gan": "none"}
    _, made = _made()
    frames = [rearrange(films, "b c t h w -> (b t) c h w") for films in (FILMS, made)]
    expected = VQGANLoss(LossConfig(**terms)).generator(*frames, torch.tensor(0.5), step=0)
    without = FilmLoss(FilmLossConfig(**terms, temporal_weight=0.0)).generator(FILMS, made, torch.tensor(0.5), step=0)
    assert without.terms.keys() == expected.terms.keys()
    torch.testing.assert_close(without.total, expected.total)
    found = FilmLoss(FilmLossConfig(**terms, temporal_weight=0.7)).generator(FILMS, made, torch.tensor(0.5), step=0)
    torch.testing.assert_close(found.terms["temporal"], temporal_difference_loss(made, FILMS).detach())
    torch.testing.assert_close(found.total, expected.total + 0.7 * found.terms["temporal"])


def test_the_discriminator_judges_space_and_time() -> None:
    loss = FilmLoss(FilmLossConfig(perceptual="none", gan_start=2, discriminator_layers=1, discriminator_width=4))
    decoder, made = _made()
    critic = loss.make_discriminator()
    assert isinstance(critic, PatchDiscriminator3d)
    assert not loss.gan_active(1)
    assert loss.gan_active(2)
    options = {"step": 2, "discriminator": critic, "last_layer": decoder.weight}
    found = loss.generator(FILMS, made, torch.tensor(0.0), **options)
    held = torch.nn.functional.l1_loss(made, FILMS) + temporal_difference_loss(made, FILMS)
    weight = adaptive_weight(held, -critic(made).mean(), decoder.weight)
    torch.testing.assert_close(found.terms["adaptive_weight"], weight)
    found.total.backward()
    assert decoder.weight.grad is not None
    assert all(parameter.grad is None for parameter in critic.parameters())
    of_critic = loss.discriminator(FILMS, made, critic)
    of_critic.total.backward()
    assert all(parameter.grad is not None for parameter in critic.parameters())
    assert FilmLoss(FilmLossConfig(perceptual="none", gan="none")).make_discriminator() is None
