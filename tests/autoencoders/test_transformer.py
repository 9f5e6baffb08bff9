"""What the transformer backbones have in common, on all of them."""

from dataclasses import replace

import pytest
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor, nn
from torch.nn.functional import interpolate

from autoencoders import TiTok, TiTokConfig, TrainableTokenizer, ViTConfig, ViTTokenizer
from autoencoders.transformer import Attention, Block, Positions, TransformerConfig, waves
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


def photographs(count: int, size: int) -> Tensor:
    """Squares of two photographs, shrunk, in [-1, 1]."""
    squares = []
    for image in load_sample_images().images:
        whole = torch.tensor(image).permute(2, 0, 1)[None] / 127.5 - 1
        small = interpolate(whole, scale_factor=0.25, mode="area")
        squares += [part for row in small.split(size, dim=2) for part in row.split(size, dim=3)]
    return torch.cat([part for part in squares if part.shape[2:] == (size, size)])[::2][:count]


@both
@pytest.mark.parametrize(("name", "count"), [(method.name, 3) for method in list_quantizers()] + [("fsq", 1)])
def test_the_parts_agree_with_forward(config: TransformerConfig, name: str, count: int) -> None:
    model, images = make(config, name).eval(), pictures(config, count)
    output = model(images)
    (quantized,) = model.quantize(images)
    assert output.images.shape == images.shape
    assert output.codes[0].shape[:2] == (count, model.quantizers[0].codes_per_position)
    torch.testing.assert_close(model.encode(images), output.codes)
    torch.testing.assert_close(model.reconstruct([quantized.quantized]), output.images)
    torch.testing.assert_close(model.decode(output.codes), output.images)


@both
def test_grey_pictures(config: TransformerConfig) -> None:
    grey = replace(config, in_channels=1)
    assert make(grey)(pictures(grey)).images.shape == (2, 1, 16, 16)


@both
def test_last_layer_makes_the_picture(config: TransformerConfig) -> None:
    model = make(config)
    bias = model.decoder.head.layers[2].bias
    with torch.no_grad():
        model.last_layer.zero_()
        bias.copy_(torch.arange(len(bias)))
    expected = torch.arange(48.0).reshape(3, 4, 4).repeat(1, 4, 4)
    torch.testing.assert_close(model(pictures(config, 1)).images[0], expected)


def gradients(model: nn.Module, images: Tensor) -> list[Tensor]:
    model.zero_grad()
    output = model(images)
    ((output.images - images).square().mean() + output.loss).backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


@both
def test_every_parameter_gets_a_gradient(config: TransformerConfig) -> None:
    model = make(config)
    for parameter in model.parameters():
        if not parameter.any():  # the zeros that residual branches start from let no gradient through
            nn.init.normal_(parameter, std=0.02)
    names = [name for name, _ in model.named_parameters()]
    for name, gradient in zip(names, gradients(model, pictures(config)), strict=True):
        assert gradient.abs().sum() > 0, name


@both
def test_gradient_checkpointing_changes_no_gradient(config: TransformerConfig) -> None:
    plain, checkpointed = make(config), make(replace(config, gradient_checkpointing=True))
    images, saved = pictures(config), {}
    for model in (plain, checkpointed):
        count = []

        def pack(tensor: Tensor, count: list[int] = count) -> Tensor:
            count.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model(images)
        saved[model] = sum(count)
    assert saved[checkpointed] < 0.6 * saved[plain]
    for ours, expected in zip(gradients(checkpointed, images), gradients(plain, images), strict=True):
        torch.testing.assert_close(ours, expected)


@both
def test_bf16_autocast(config: TransformerConfig) -> None:
    model, images = make(config), pictures(config)
    expected = model(images).images
    with torch.autocast("cpu", torch.bfloat16):
        output = model(images)
        (output.images.float() - images).abs().mean().add(output.loss).backward()
    assert output.images.dtype == torch.bfloat16
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    # FSQ may fall to a neighbouring level here and there: close on the whole, not everywhere
    assert (output.images.float() - expected).square().mean() < 0.05 * expected.square().mean()


@both
def test_compiling_blocks_changes_neither_names_nor_values(config: TransformerConfig) -> None:
    model, images = make(replace(config, layers=1)).eval(), pictures(config)
    names, expected = list(model.state_dict()), model(images).images
    model.compile_blocks(backend="aot_eager")
    reconstruction = model(images).images
    assert list(model.state_dict()) == names
    assert all(block._compiled_call_impl is not None for block in model.modules() if isinstance(block, Block))
    torch.testing.assert_close(reconstruction, expected)
    (gradient,) = torch.autograd.grad(reconstruction.mean(), model.last_layer, retain_graph=True)
    assert gradient.abs().sum() > 0


@both
@pytest.mark.parametrize("name", ["fsq", "vq"])
def test_it_learns_photographs_at_once(config: TransformerConfig, name: str) -> None:
    images = photographs(8, 16)
    assert images.shape == (8, 3, 16, 16)
    model = make(replace(config, width=64), name)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.99))
    for _ in range(60):
        output = model(images)
        ((output.images - images).abs().mean() + output.loss).backward()
        optimizer.step()
        optimizer.zero_grad()
    error = (model.eval()(images).images - images).square().mean()
    assert error < 0.3 * (images - images.mean(0)).square().mean()


@both
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 15}, "image_size must be a multiple of patch_size 4, got 15"),
        ({"patch_size": 0}, "patch_size must be at least 1"),
        ({"layers": 0}, "layers must be at least 1"),
        ({"heads": 3}, "width must be a multiple of the 3 heads, got 32"),
        ({"width": 18}, "width must be a multiple of 4"),
    ],
)
def test_impossible_config(config: TransformerConfig, changes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(config, **changes)


@both
def test_wrong_channels(config: TransformerConfig) -> None:
    with pytest.raises(ValueError, match="3 channels, got 4"):
        make(config).encode(torch.zeros(1, 4, 16, 16))


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
