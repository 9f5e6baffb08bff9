"""What every backbone promises, with several quantizers around it."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
import torch
from skimage import data
from torch import nn

from autoencoders import (
    BACKBONES,
    DVAEConfig,
    PictureBackboneConfig,
    PictureBackboneName,
    TiTokConfig,
    TrainableTokenizer,
    ViTConfig,
    VQGANConfig,
    VQVAE2Config,
    VQVAEConfig,
    backbone_of,
    create_tokenizer,
)
from autoencoders.backbones import NETWORKS, code_maps_of
from quantizers import create_quantizer

SMALL: dict[PictureBackboneName, PictureBackboneConfig] = {
    "vqgan": VQGANConfig(16, width=16, multipliers=(1, 2), blocks=1, attention_resolutions=(8,), z_channels=8),
    "vqvae": VQVAEConfig(16, width=16, residual_width=8, downsamplings=2),
    "vit": ViTConfig(16, patch_size=4, width=32, layers=1, heads=2),
    "1d": TiTokConfig(16, patch_size=4, width=32, layers=1, heads=2, latent_tokens=16),
    "dvae": DVAEConfig(16, width=32, multipliers=(1, 2), blocks=1, z_channels=16),
    "vqvae2": VQVAE2Config(16, width=16, residual_width=8, downsamplings=1, top_downsamplings=2),
}

every_backbone = pytest.mark.parametrize("backbone", get_args(PictureBackboneName))


def make(backbone: PictureBackboneName, quantizer: str = "fsq") -> TrainableTokenizer:
    torch.manual_seed(0)
    config = SMALL[backbone]
    return create_tokenizer(config, [create_quantizer(quantizer, bits=8) for _ in code_maps_of(config)])


def photographs(count: int = 8, side: int = 16) -> torch.Tensor:
    picture = torch.from_numpy(data.astronaut()[::4, ::4].copy()).permute(2, 0, 1)
    tiles = picture.unfold(1, side, side).unfold(2, side, side).flatten(1, 2).transpose(0, 1)
    return tiles[:count].contiguous() / 127.5 - 1


def gradients(model: TrainableTokenizer, images: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    output = model(images)
    ((output.reconstruction - images).square().mean() + output.loss).backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def saved_bytes(forward: Callable[[], object]) -> int:
    """What autograd saves for a backward pass through `forward`, without parameters."""
    sizes: list[int] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        sizes.append(0 if isinstance(tensor, nn.Parameter) else tensor.nbytes)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        forward()
    return sum(sizes)


@every_backbone
def test_its_name_is_known_by_its_sizes(backbone: PictureBackboneName) -> None:
    assert backbone_of(SMALL[backbone]) == backbone
    assert type(SMALL[backbone]) is BACKBONES[backbone]
    assert type(make(backbone)) is NETWORKS[backbone]
    assert len(make(backbone).quantizers) == len(make(backbone).maps)


@every_backbone
@pytest.mark.parametrize("quantizer", ["none", "fsq", "vq-ema", "lfq"])
def test_codes_give_the_reconstruction(backbone: PictureBackboneName, quantizer: str) -> None:
    model, images = make(backbone, quantizer).eval(), photographs(2)
    output = model(images)
    assert output.reconstruction.shape == images.shape
    for codes, part in zip(output.codes, model.quantizers, strict=True):
        assert codes.shape[:2] == (2, part.codes_per_position)
    for ours, expected in zip(model.encode(images), output.codes, strict=True):
        assert torch.equal(ours, expected)
    torch.testing.assert_close(model.decode(output.codes), output.reconstruction)
    alone = torch.cat([model(image[None]).reconstruction for image in images])
    torch.testing.assert_close(alone, output.reconstruction, rtol=1e-3, atol=1e-4)


@every_backbone
def test_every_parameter_gets_a_gradient(backbone: PictureBackboneName) -> None:
    model = make(backbone)
    for parameter in model.parameters():
        if not parameter.any():  # the zeros that residual branches start from let no gradient through
            torch.nn.init.normal_(parameter, std=0.02)
    assert [name for name, of in gradients(model, torch.randn(4, 3, 16, 16)).items() if not of.any()] == []


@pytest.mark.slow
@every_backbone
def test_it_learns(backbone: PictureBackboneName) -> None:
    """Four pictures by heart: well below the error of their mean colours."""
    model, images = make(backbone), photographs(4)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(150):
        output = model(images)
        ((output.reconstruction - images).square().mean() + output.loss).backward()
        optimizer.step()
        optimizer.zero_grad()
    flat = (images - images.mean((2, 3), keepdim=True)).square().mean()
    assert (model.eval()(images).reconstruction - images).square().mean() < 0.6 * flat


@every_backbone
def test_bf16_autocast(backbone: PictureBackboneName) -> None:
    model, images = make(backbone), photographs(2)
    expected = model(images).reconstruction
    with torch.autocast("cpu", torch.bfloat16):
        output = model(images)
        (output.reconstruction.float() - images).abs().mean().add(output.loss).backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    # FSQ may fall to a neighbouring level here and there: close on the whole, not everywhere
    assert (output.reconstruction.float() - expected).square().mean() < 0.1 * expected.square().mean()


@pytest.mark.slow
@every_backbone
def test_compiling_blocks_changes_neither_names_nor_values(backbone: PictureBackboneName) -> None:
    model, images = make(backbone).eval(), photographs(2)
    names, expected = list(model.state_dict()), model(images).reconstruction
    model.compile_blocks(backend="eager")
    reconstruction = model(images).reconstruction
    assert list(model.state_dict()) == names
    torch.testing.assert_close(reconstruction, expected)
    (gradient,) = torch.autograd.grad(reconstruction.mean(), model.last_layer, retain_graph=True)
    assert gradient.abs().sum() > 0
    last = [module for block in model.blocks() for module in block.modules()]
    assert not any(model.last_layer is parameter for module in last for parameter in module.parameters(recurse=False))


@every_backbone
def test_gradient_checkpointing_changes_no_gradient(backbone: PictureBackboneName) -> None:
    if not hasattr(SMALL[backbone], "gradient_checkpointing"):
        pytest.skip("it has none")
    plain, images = make(backbone), photographs(2)
    config = replace(SMALL[backbone], gradient_checkpointing=True)
    checkpointed = create_tokenizer(config, plain.quantizers)
    checkpointed.load_state_dict(plain.state_dict())
    for ours, expected in zip(gradients(checkpointed, images).values(), gradients(plain, images).values(), strict=True):
        torch.testing.assert_close(ours, expected)


@every_backbone
def test_networks_keep_of_a_batch_in_parts_what_they_are_given(backbone: PictureBackboneName) -> None:
    model, images = make(backbone), photographs(4)
    plain = gradients(model, images)
    with model.in_parts(2):
        output = model(images)
        in_parts = saved_bytes(lambda: model.quantize(images))
    assert in_parts < saved_bytes(lambda: model.quantize(images)) / 2
    model.zero_grad()
    ((output.reconstruction - images).square().mean() + output.loss).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, plain[name])


@every_backbone
def test_wrong_images(backbone: PictureBackboneName) -> None:
    model = make(backbone)
    stride = model.strides[0]
    for shape, message in [
        ((1, 3, 16 + stride // 2, 16), f"multiples of the strides {stride} × {stride}|16 × 16 pixels"),
        ((1, 4, 16, 16), "3 channels, got 4"),
        ((1, 3, 0, 16), "positive multiples|16 × 16 pixels"),
        ((1, 3, 16, 16, 16), "got 16 × 16 × 16"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.encode(torch.zeros(shape))


@every_backbone
@pytest.mark.parametrize("changes", [{"image_size": 0}, {"image_size": 17}, {"in_channels": 0}, {"width": 0}])
def test_sizes_that_cannot_work(backbone: PictureBackboneName, changes: dict[str, int]) -> None:
    (name,) = changes
    with pytest.raises(ValueError, match=name):
        replace(SMALL[backbone], **changes)


def test_the_bottom_map_is_encoded_with_the_top_one_in_sight_and_both_are_decoded() -> None:
    model, images = make("vqvae2").eval(), photographs(1)
    nn.init.normal_(model.bottom_quant_conv.weight)
    top, bottom = model.encode(images)
    assert top.shape[2:] == (2, 2)
    assert bottom.shape[2:] == (8, 8)
    picture = model.decode([top, bottom])
    assert not torch.equal(model.decode([(top + 7) % model.top_quantizer.codebook_size, bottom]), picture)
    assert not torch.equal(model.decode([top, (bottom + 7) % model.bottom_quantizer.codebook_size]), picture)
    model.top_quant_conv.bias.data += 1.0  # another top map, of the same picture
    other_top, other_bottom = model.encode(images)
    assert not torch.equal(other_top, top)
    assert not torch.equal(other_bottom, bottom)
