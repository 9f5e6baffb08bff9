from dataclasses import replace

import pytest
import torch
from torch import nn

from autoencoders import VQGAN, VQGANConfig
from autoencoders.pictures.layers import ResidualBlock
from autoencoders.pictures.vqgan import Decoder, Encoder
from quantizers import create_quantizer

SMALL = VQGANConfig(image_size=16, width=16, multipliers=(1, 2), blocks=1, attention_resolutions=(8,), z_channels=8)


def make(config: VQGANConfig = SMALL, name: str = "fsq") -> VQGAN:
    torch.manual_seed(0)
    return VQGAN(config, create_quantizer(name, bits=10))


@pytest.mark.parametrize(
    ("config", "stride"),
    [
        (SMALL, 2),
        (replace(SMALL, multipliers=(1,), attention_resolutions=()), 1),
        (replace(SMALL, multipliers=(1, 1, 2, 4), attention_resolutions=(16, 2), blocks=2), 8),
        (replace(SMALL, width=24, attention_resolutions=()), 2),
        (replace(SMALL, in_channels=1), 2),
        (replace(SMALL, stem=4, attention_resolutions=(2,)), 8),
        (replace(SMALL, stem=2, in_channels=1, resampling="shuffle", attention_resolutions=(8,)), 4),
        (replace(SMALL, resampling="shuffle", norm="rms", multipliers=(1, 3, 2), middle=False), 4),
    ],
)
def test_shapes_and_stride(config: VQGANConfig, stride: int) -> None:
    model = make(config)
    images = torch.rand(2, config.in_channels, 16, 32) * 2 - 1
    output = model(images)
    assert model.strides == (config.stride, config.stride) == (stride, stride)
    assert output.reconstruction.shape == images.shape
    assert model.latent(images).shape == (2, model.quantizer.dim, 16 // stride, 32 // stride)
    assert output.codes[0].shape == (2, model.quantizer.codes_per_position, 16 // stride, 32 // stride)


def test_published_size() -> None:
    """Counted on the modules of github.com/CompVis/taming-transformers with configs/imagenet_vqgan.yaml."""
    with torch.device("meta"):
        encoder, decoder = Encoder(VQGANConfig()), Decoder(VQGANConfig())
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 29_298_176
    assert sum(parameter.numel() for parameter in decoder.parameters()) == 42_449_795
    assert encoder(torch.empty(1, 3, 256, 256, device="meta")).shape == (1, 256, 16, 16)


def test_names_of_the_published_checkpoint() -> None:
    with torch.device("meta"):
        encoder, decoder = Encoder(VQGANConfig()).state_dict(), Decoder(VQGANConfig()).state_dict()
    assert len(encoder) == 144  # equal, key by key, to the two modules of taming-transformers
    assert len(decoder) == 194
    assert encoder["down.2.block.0.nin_shortcut.weight"].shape == (256, 128, 1, 1)
    assert encoder["down.3.downsample.conv.weight"].shape == (256, 256, 3, 3)
    assert encoder["down.4.attn.1.proj_out.weight"].shape == (512, 512, 1, 1)
    assert "down.4.downsample.conv.weight" not in encoder
    assert encoder["mid.attn_1.q.weight"].shape == (512, 512, 1, 1)
    assert decoder["up.4.attn.2.norm.weight"].shape == (512,)
    assert decoder["up.1.block.0.nin_shortcut.weight"].shape == (128, 256, 1, 1)
    assert decoder["up.1.upsample.conv.weight"].shape == (128, 128, 3, 3)
    assert "up.0.upsample.conv.weight" not in decoder
    assert decoder["conv_out.weight"].shape == (3, 128, 3, 3)


def test_last_layer_makes_the_picture() -> None:
    model = make()
    assert model.last_layer is model.decoder.conv_out.weight
    with torch.no_grad():
        model.last_layer.zero_()
    reconstruction = model(torch.rand(1, 3, 16, 16)).reconstruction
    expected = model.decoder.conv_out.bias[:, None, None].expand(1, 3, 16, 16)
    torch.testing.assert_close(reconstruction, expected)


def gradients(model: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    torch.manual_seed(1)  # the same dropout
    output = model(images)
    ((output.reconstruction - images).square().mean() + output.loss).backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


def test_gradient_checkpointing_changes_no_gradient() -> None:
    config = replace(SMALL, dropout=0.2)
    plain, checkpointed = make(config), make(replace(config, gradient_checkpointing=True))
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    saved = {}
    for model in (plain, checkpointed):
        count = []

        def pack(tensor: torch.Tensor, count: list[int] = count) -> torch.Tensor:
            count.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model(images)
        saved[model] = sum(count)
    assert saved[checkpointed] < 0.6 * saved[plain]
    for ours, expected in zip(gradients(checkpointed, images), gradients(plain, images), strict=True):
        torch.testing.assert_close(ours, expected)


def test_a_fresh_model_keeps_the_variance_and_starts_without_its_residual_branches() -> None:
    model = make()
    for block in (module for module in model.modules() if isinstance(module, ResidualBlock)):
        x = torch.randn(4, block.conv1.in_channels, 8, 8)
        torch.testing.assert_close(block(x), block.nin_shortcut(x))
    convolution = model.decoder.up[0].block[0].conv1
    x = torch.randn(16, convolution.in_channels, 16, 16)
    assert 0.7 < convolution(x)[..., 1:-1, 1:-1].std() < 1.4


@pytest.mark.parametrize("resampling", ["convolution", "shuffle"])
def test_brightness_goes_past_the_norms_of_branches(resampling: str) -> None:
    """A fresh network without norms but in its branches, which start at zero, and without activations at its ends would
    be linear; with GroupNorm a brighter picture has the same latent up to its sign."""
    images = torch.rand(2, 3, 16, 16) + 0.5
    ratios = {}
    for norm in ("rms", "group"):
        model = make(replace(SMALL, norm=norm, resampling=resampling, attention_resolutions=(), middle=False))
        with torch.no_grad():
            ratios[norm] = (model.latent(4 * images).abs().mean() / model.latent(images).abs().mean()).item()
    assert ratios["rms"] > 3
    assert ratios["group"] < 1.2


def test_a_stem_sees_blocks_as_channels_and_gives_them_back() -> None:
    model = make(replace(SMALL, stem=4, attention_resolutions=()))
    assert model.encoder.conv_in.weight.shape == (16, 48, 3, 3)
    assert model.decoder.conv_out.weight.shape == (48, 16, 3, 3)
    with torch.no_grad():  # each channel of the last convolution is a pixel of a block
        model.last_layer.zero_()
        model.decoder.conv_out.bias.copy_(torch.arange(48.0))
        made = model(torch.rand(1, 3, 16, 16)).reconstruction
    assert torch.equal(made[0, 1, :4, 4:8].ravel(), torch.arange(16.0, 32.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 15}, "image_size must be a multiple of the stride 2"),
        ({"multipliers": ()}, "multipliers must be"),
        ({"multipliers": (1, 0)}, "multipliers must be"),
        ({"width": 0}, "width must be an integer from 1"),
        ({"stem": 0}, "stem must be an integer from 1"),
        ({"stem": 3}, "image_size must be a multiple of the stride 6 that a stem of 3"),
        ({"dropout": 1.0}, "dropout must be a finite number >= 0 and < 1"),
        ({"attention_resolutions": (8, 4)}, r"attention_resolutions \[4\] occur at no level"),
    ],
)
def test_impossible_config(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes)
