import pytest
import torch

from autoencoders import ViTConfig, ViTTokenizer
from autoencoders.pictures.vit import Decoder, Encoder
from quantizers import create_quantizer

SMALL = ViTConfig(image_size=16, patch_size=4, width=32, layers=2, heads=2)


def make(name: str = "fsq") -> ViTTokenizer:
    torch.manual_seed(0)
    return ViTTokenizer(SMALL, create_quantizer(name, bits=10))


@pytest.mark.parametrize("size", [(16, 16), (8, 24), (4, 4)])
def test_pictures_of_any_size_on_the_grid(size: tuple[int, int]) -> None:
    model, images = make(), torch.rand(3, 3, *size) * 2 - 1
    output = model(images)
    grid = (size[0] // 4, size[1] // 4)
    assert model.strides == (SMALL.stride, SMALL.stride) == (4, 4)
    assert output.reconstruction.shape == images.shape
    assert model.latent(images).shape == (3, model.quantizer.dim, *grid)
    assert output.codes[0].shape == (3, model.quantizer.codes_per_position, *grid)


@torch.no_grad()
def test_a_patch_is_a_square_and_places_matter() -> None:
    model, images = make("none").eval(), torch.rand(1, 3, 16, 16) * 2 - 1
    tokens = model.encoder.patches(images)
    changed = images.clone()
    changed[:, :, 4:8, 8:12] = 0
    differs = (model.encoder.patches(changed) - tokens).abs().sum(-1)[0] > 0
    assert differs.nonzero().tolist() == [[1, 2]]
    flat = model(torch.zeros(1, 3, 16, 16)).reconstruction
    assert (flat[..., :4, :4] - flat[..., 4:8, 4:8]).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("config", "parameters"), [(ViTConfig(), 85_054_464), (ViTConfig(width=512, layers=8, heads=8), 25_219_072)]
)
def test_published_sizes(config: ViTConfig, parameters: int) -> None:
    """The blocks of 12 layers of 768 channels and of 8 of 512, with 4 times as many inside: 12 width² + 13 width."""
    with torch.device("meta"):
        encoder, decoder = Encoder(config), Decoder(config)
    for part in (encoder, decoder):
        assert sum(parameter.numel() for parameter in part.transformer.resblocks.parameters()) == parameters
    features = encoder(torch.empty(1, 3, 256, 256, device="meta"))
    assert features.shape == (1, 32, 32, config.width)
    assert decoder(features).shape == (1, 3, 256, 256)


@pytest.mark.parametrize("size", [(15, 16), (0, 16)])
def test_wrong_sides(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="positive multiples of the strides 4 × 4"):
        make().encode(torch.zeros(1, 3, *size))
