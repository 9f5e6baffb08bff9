from dataclasses import replace

import pytest
import torch

from autoencoders import TiTok, TiTokConfig
from quantizers import create_quantizer

SMALL = TiTokConfig(image_size=16, patch_size=4, width=32, layers=2, heads=2, latent_tokens=5)


def make(config: TiTokConfig = SMALL, name: str = "fsq") -> TiTok:
    torch.manual_seed(0)
    return TiTok(config, create_quantizer(name, bits=10))


@pytest.mark.parametrize("count", [1, 5, 32])
def test_as_many_codes_as_latent_tokens(count: int) -> None:
    model, images = make(replace(SMALL, latent_tokens=count)), torch.rand(3, 3, 16, 16) * 2 - 1
    output = model(images)
    assert model.strides == (4, 4)
    assert output.reconstruction.shape == images.shape
    assert model.latent(images).shape == (3, model.quantizer.dim, count)
    assert output.codes[0].shape == (3, model.quantizer.codes_per_position, count)


def trained(config: TiTokConfig) -> TiTok:
    """A model whose weights have nothing left of their start."""
    model = make(config, name="none").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=max(parameter.shape[-1], 4) ** -0.5)
    return model


@torch.no_grad()
def test_every_latent_token_sees_the_whole_picture() -> None:
    model, images = trained(SMALL), torch.rand(1, 3, 16, 16) * 2 - 1
    changed = images.clone()
    changed[..., :4, :4] *= -1
    assert ((model.latent(changed) - model.latent(images)).abs().amax(1) > 1e-5).all()


@torch.no_grad()
def test_every_latent_token_reaches_every_patch_and_its_place_in_the_row_matters() -> None:
    model = trained(SMALL)
    latent = torch.randn(1, model.quantizer.dim, 5)
    picture = model.from_latent(latent)
    for token in range(5):
        other = latent.clone()
        other[..., token] *= -1
        by_patch = (model.from_latent(other) - picture).reshape(3, 4, 4, 4, 4).abs().amax((0, 2, 4))
        assert (by_patch > 1e-5).all()
    assert (model.from_latent(latent.flip(2)) - picture).abs().max() > 1e-5


@torch.no_grad()
def test_a_fresh_model_gives_each_latent_token_its_own_part_of_the_picture() -> None:
    model = make(replace(SMALL, width=192, heads=6, latent_tokens=16), name="none").eval()
    images = torch.rand(1, 3, 16, 16) * 2 - 1
    for row, column in ((0, 0), (2, 1), (3, 3)):
        changed = images.clone()
        changed[..., 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] *= -1
        assert (model.latent(changed) - model.latent(images)).norm(dim=1).argmax() == 4 * row + column
    latent = torch.randn(1, model.quantizer.dim, 16)
    for token in (0, 6, 15):
        other = latent.clone()
        other[..., token] *= -1
        by_patch = (model.from_latent(other) - model.from_latent(latent)).reshape(3, 4, 4, 4, 4).square().sum((0, 2, 4))
        assert by_patch.argmax() == token


@pytest.mark.parametrize("shape", [(1, 3, 16, 32), (1, 3, 8, 8), (1, 3, 15, 15)])
def test_wrong_sizes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="images must have 16 × 16 pixels"):
        make().encode(torch.zeros(shape))


def test_wrong_number_of_codes() -> None:
    model = make()
    with pytest.raises(ValueError, match="there must be 5 latent tokens, got 4"):
        model.decode([torch.zeros(1, model.quantizer.codes_per_position, 4, dtype=torch.int64)])
    with pytest.raises(ValueError, match="latent_tokens must be an integer from 1"):
        replace(SMALL, latent_tokens=0)
