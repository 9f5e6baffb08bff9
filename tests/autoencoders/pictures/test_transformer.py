"""What the transformer backbones have in common, on all of them."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from autoencoders import TiTok, TiTokConfig, TrainableTokenizer, ViTConfig, ViTTokenizer
from autoencoders.pictures.sizes import TransformerConfig
from autoencoders.pictures.transformer import Attention, Block, Positions, waves
from quantizers import create_quantizer, list_quantizers

SMALL = {"image_size": 16, "patch_size": 4, "width": 32, "layers": 2, "heads": 2}
CONFIGS = {"vit": ViTConfig(**SMALL), "titok": TiTokConfig(**SMALL, latent_tokens=5)}
TOKENIZERS = {ViTConfig: ViTTokenizer, TiTokConfig: TiTok}

both = pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))


def make(config: TransformerConfig, name: str = "fsq") -> TrainableTokenizer:
    torch.manual_seed(0)
    return TOKENIZERS[type(config)](config, create_quantizer(name, bits=10))


def pictures(config: TransformerConfig, count: int = 2) -> Tensor:
    return torch.rand(count, config.in_channels, config.image_size, config.image_size) * 2 - 1


@both
@pytest.mark.parametrize(("name", "count"), [(method.name, 3) for method in list_quantizers()] + [("fsq", 1)])
def test_the_parts_agree_with_forward(config: TransformerConfig, name: str, count: int) -> None:
    model, images = make(config, name).eval(), pictures(config, count)
    output = model(images)
    (quantized,) = model.quantize(images)
    assert output.reconstruction.shape == images.shape
    assert output.codes[0].shape[:2] == (count, model.quantizers[0].codes_per_position)
    torch.testing.assert_close(model.encode(images), output.codes)
    torch.testing.assert_close(model.reconstruct([quantized.quantized]), output.reconstruction)
    torch.testing.assert_close(model.decode(output.codes), output.reconstruction)


@both
def test_grey_pictures(config: TransformerConfig) -> None:
    grey = replace(config, in_channels=1)
    assert make(grey)(pictures(grey)).reconstruction.shape == (2, 1, 16, 16)


@both
def test_last_layer_makes_the_picture(config: TransformerConfig) -> None:
    model = make(config)
    bias = model.decoder.head.layers[2].bias
    with torch.no_grad():
        model.last_layer.zero_()
        bias.copy_(torch.arange(len(bias)))
    expected = torch.arange(48.0).reshape(3, 4, 4).repeat(1, 4, 4)
    torch.testing.assert_close(model(pictures(config, 1)).reconstruction[0], expected)


def gradients(model: nn.Module, images: Tensor) -> list[Tensor]:
    model.zero_grad()
    output = model(images)
    ((output.reconstruction - images).square().mean() + output.loss).backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


@both
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 15}, "image_size must be a multiple of patch_size 4, got 15"),
        ({"patch_size": 0}, "patch_size must be an integer from 1"),
        ({"layers": 0}, "layers must be an integer from 1"),
        ({"heads": 3}, "width must be a multiple of the 3 heads, got 32"),
        ({"width": 18}, "width must be a multiple of 4"),
    ],
)
def test_impossible_config(config: TransformerConfig, changes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(config, **changes)


@torch.no_grad()
def test_attention_is_pytorchs_own() -> None:
    torch.manual_seed(0)
    ours, theirs = Attention(24, 3), nn.MultiheadAttention(24, 3, batch_first=True)
    renamed = {name.replace("in_proj.", "in_proj_"): tensor for name, tensor in ours.state_dict().items()}
    theirs.load_state_dict(renamed)
    x = torch.randn(2, 7, 24)
    torch.testing.assert_close(ours(x), theirs(x, x, x)[0])


@torch.no_grad()
def test_a_fresh_vit_keeps_the_variance_and_starts_without_its_residual_branches() -> None:
    model = make(replace(CONFIGS["vit"], width=64))
    x = torch.randn(4, 16, 64)
    for block in (module for module in model.modules() if isinstance(module, Block)):
        assert torch.equal(block(x), x)
        for layer in (block.attn.in_proj, block.mlp.c_fc, model.quant_proj):
            assert 0.8 < layer(x).std() < 1.2


def test_waves_tell_all_places_apart() -> None:
    table = waves(8, 64)
    torch.testing.assert_close(table[3, 5, :32], table[3, 0, :32])  # the row in one half
    torch.testing.assert_close(table[3, 5, 32:], table[0, 5, 32:])  # the column in the other
    torch.testing.assert_close(table[3, 5, 0], torch.tensor(3 * torch.pi / 16).sin())
    torch.testing.assert_close(table[3, 5, 63], torch.tensor(-1.0))
    alike = table.flatten(0, 1) @ table.flatten(0, 1).T / 32
    row, column = torch.arange(64) // 8, torch.arange(64) % 8
    shared = ((row[:, None] == row).float() + (column[:, None] == column).float()) / 2
    torch.testing.assert_close(alike, shared, atol=0.07, rtol=0)


@torch.no_grad()
def test_positions_of_other_grids_are_between_those_learned() -> None:
    positions, zeros = Positions(8, 16), torch.zeros(1, 24, 40, 16)
    assert torch.equal(positions(zeros[:, :8, :8])[0], positions.table)
    # the middle one of 3 × 5 places stands where the learned one does
    torch.testing.assert_close(positions(zeros)[0, 1::3, 2::5], positions.table)
    assert positions(zeros)[0].flatten(0, 1).unique(dim=0).shape[0] == 24 * 40
