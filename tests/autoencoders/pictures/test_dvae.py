from dataclasses import replace

import pytest
import torch
from skimage.data import astronaut
from torch import nn
from torch.nn import functional as F

from autoencoders import LossConfig, VQGANLoss
from autoencoders.pictures.dvae import DVAE, BottleneckBlock, Decoder, Encoder
from autoencoders.pictures.logit_laplace import squeeze
from autoencoders.pictures.sizes import DVAEConfig
from quantizers import create_quantizer

SMALL = DVAEConfig(image_size=16, width=16, multipliers=(1, 2), blocks=2, z_channels=8)


def make(config: DVAEConfig = SMALL, name: str = "fsq", **options: object) -> DVAE:
    torch.manual_seed(0)
    return DVAE(config, create_quantizer(name, **{"bits": 10, **options}))


@pytest.mark.parametrize(
    ("config", "stride"),
    [
        (SMALL, 2),
        (replace(SMALL, multipliers=(1,)), 1),
        (replace(SMALL, multipliers=(1, 2, 4, 8), blocks=1), 8),
        (replace(SMALL, multipliers=(2, 1), width=4), 2),
        (replace(SMALL, in_channels=1), 2),
    ],
)
def test_shapes_and_stride(config: DVAEConfig, stride: int) -> None:
    model = make(config)
    images = torch.rand(2, config.in_channels, 16, 32) * 2 - 1
    output = model(images)
    assert model.strides == (config.stride, config.stride) == (stride, stride)
    assert output.reconstruction.shape == output.log_scale.shape == images.shape
    assert model.latent(images).shape == (2, model.quantizer.dim, 16 // stride, 32 // stride)
    assert output.codes[0].shape == (2, model.quantizer.codes_per_position, 16 // stride, 32 // stride)


@pytest.mark.parametrize("name", ["none", "vq", "lfq"])
def test_the_parts_agree_with_forward(name: str) -> None:
    model, images = make(name=name).eval(), torch.rand(2, 3, 16, 16) * 2 - 1
    output = model(images)
    quantized = model.quantizer(model.latent(images)).quantized
    torch.testing.assert_close(model.encode(images), output.codes)
    torch.testing.assert_close(model.reconstruct([quantized]), output.reconstruction)
    torch.testing.assert_close(model.decode(output.codes), output.reconstruction)


def test_the_picture_is_the_median_of_each_pixels_distribution() -> None:
    model, images = make(), torch.rand(2, 3, 16, 16) * 2 - 1
    nn.init.normal_(model.last_layer)
    output = model(images)
    location, log_scale = model.distribution(model.quantizer(model.latent(images)).quantized)
    assert location.abs().max() > 1
    torch.testing.assert_close(torch.logit(squeeze(output.reconstruction)), location, rtol=0, atol=1e-4)
    torch.testing.assert_close(output.log_scale, log_scale)


def test_pictures_enter_the_encoder_squeezed() -> None:
    model, images = make(), torch.rand(2, 3, 16, 16) * 2 - 1
    torch.testing.assert_close(model.latent(images), model.quant_conv(model.encoder(0.4 * images + 0.5)))


def test_a_block_is_its_formula() -> None:
    torch.manual_seed(0)
    block = BottleneckBlock(8, 12, (3, 3, 3, 1), gain=0.25)
    x = torch.randn(2, 8, 5, 6)
    h = x
    for name, padding in (("conv_1", 1), ("conv_2", 1), ("conv_3", 1), ("conv_4", 0)):
        layer = block.res_path.get_submodule(name)
        h = F.conv2d(h.clamp_min(0), layer.weight, layer.bias, padding=padding)
        assert h.shape[1] == (12 if name == "conv_4" else 3)
    expected = F.conv2d(x, block.id_path.weight, block.id_path.bias) + 0.25 * h
    torch.testing.assert_close(block(x), expected)
    assert isinstance(BottleneckBlock(8, 8, (1, 3), gain=1.0).id_path, nn.Identity)


def test_the_gain_counts_the_blocks_of_the_whole_encoder() -> None:
    assert DVAEConfig().gain == 1 / 64
    assert {block.gain for block in make(replace(SMALL, blocks=3)).blocks()} == {1 / 36}


def test_last_layer_makes_the_picture() -> None:
    model = make()
    with torch.no_grad():
        model.last_layer.zero_()
        model.decoder.output.bias.copy_(torch.tensor([0.0, 1, -1, 2, 3, 4]))
    output = model(torch.rand(1, 3, 16, 16))
    for channel, location in enumerate((0.0, 1.0, -1.0)):
        expected = 2 * (torch.tensor(location).sigmoid() - 0.1) / 0.8 - 1
        torch.testing.assert_close(output.reconstruction[:, channel], expected.expand(1, 16, 16))
        torch.testing.assert_close(output.log_scale[:, channel], torch.full((1, 16, 16), 2.0 + channel))


def loss_of(model: DVAE, images: torch.Tensor, codebook_weight: float = 1.0) -> torch.Tensor:
    output = model(images)
    config = LossConfig("logit-laplace", perceptual="none", gan="none", codebook_weight=codebook_weight)
    return (
        VQGANLoss(config)
        .generator(images, output.reconstruction, output.loss, step=0, log_scale=output.log_scale)
        .total
    )


def gradients(model: DVAE, images: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    torch.manual_seed(1)  # the same noise
    loss_of(model, images).backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


def test_gradient_checkpointing_changes_no_gradient() -> None:
    plain, checkpointed = make(), make(replace(SMALL, gradient_checkpointing=True))
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


@pytest.mark.parametrize("name", ["fsq", "gumbel"])
def test_every_parameter_gets_a_gradient(name: str) -> None:
    model = make(name=name)
    assert all(gradient.abs().sum() > 0 for gradient in gradients(model, torch.rand(2, 3, 16, 16)))


def test_bf16_autocast() -> None:
    model, images = make(name="none"), torch.rand(2, 3, 16, 16) * 2 - 1
    expected = model(images)
    with torch.autocast("cpu", torch.bfloat16):
        assert model.encoder(images).dtype == torch.bfloat16
        assert model.latent(images).dtype == torch.float32  # the layers next to the codes are left out
        output = model(images)
        loss_of(model, images).backward()
    assert output.reconstruction.dtype == output.log_scale.dtype == torch.float32  # a sigmoid that bf16 would flatten
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    torch.testing.assert_close(output.reconstruction, expected.reconstruction, rtol=0, atol=0.05)


def test_compiling_blocks_changes_neither_names_nor_values() -> None:
    model, images = make(replace(SMALL, multipliers=(1,))).eval(), torch.rand(2, 3, 16, 16)
    names, expected = list(model.state_dict()), model(images).reconstruction
    model.compile_blocks(backend="aot_eager")
    reconstruction = model(images).reconstruction
    assert list(model.state_dict()) == names
    torch.testing.assert_close(reconstruction, expected)
    (gradient,) = torch.autograd.grad(reconstruction.mean(), model.last_layer, retain_graph=True)
    assert gradient.abs().sum() > 0


def test_published_size() -> None:
    """Counted on the modules of github.com/openai/DALL-E, less the two layers next to the codes."""
    with torch.device("meta"):
        encoder, decoder = Encoder(DVAEConfig()), Decoder(DVAEConfig())
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 53_786_240 - 8192 * 2049
    assert sum(parameter.numel() for parameter in decoder.parameters()) == 43_829_766 - 8192 * 128 - 128
    assert encoder(torch.empty(1, 3, 256, 256, device="meta")).shape == (1, 2048, 32, 32)
    assert decoder(torch.empty(1, 128, 32, 32, device="meta")).shape == (1, 6, 256, 256)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 15}, "image_size must be a multiple of the stride 2"),
        ({"multipliers": ()}, "multipliers must be"),
        ({"multipliers": (1, 0)}, "multipliers must be"),
        ({"width": 0}, "width must be an integer from 1"),
        ({"width": 6}, r"must be a multiple of 4.* got \(6, 12\)"),
        ({"blocks": 0}, "blocks must be an integer from 1"),
        ({"z_channels": 0}, "z_channels must be an integer from 1"),
    ],
)
def test_impossible_config(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes)


@pytest.mark.parametrize(
    ("shape", "message"), [((1, 3, 15, 16), "multiples of the strides 2 × 2"), ((1, 4, 16, 16), "3 channels, got 4"),
                           ((1, 3, 0, 16), "positive multiples")]
)  # fmt: skip
def test_wrong_images(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make().encode(torch.zeros(shape))


def photographs() -> torch.Tensor:
    """Sixteen parts of a photograph, 16 pixels each."""
    picture = torch.from_numpy(astronaut()).permute(2, 0, 1).float()[None] / 127.5 - 1
    return F.unfold(F.adaptive_avg_pool2d(picture, 64), 16, stride=16).view(3, 16, 16, 16).permute(3, 0, 1, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "codebook_weight"), [("gumbel", {"dim": 8}, 1.0), ("fsq", {}, 1.0), ("vq", {"dim": 8}, 10.0)]
)
def test_it_learns_photographs(name: str, options: dict[str, object], codebook_weight: float) -> None:
    images, steps = photographs(), 120
    model = make(replace(SMALL, blocks=1), name, bits=6, **options)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(steps):
        model.quantizer.anneal(step / steps)
        optimizer.zero_grad()
        loss_of(model, images, codebook_weight).backward()
        optimizer.step()
    with torch.no_grad():
        output = model.eval()(images)
    error = (output.reconstruction - images).abs()
    colours = images.mean((2, 3), keepdim=True)  # of each part
    assert float(error.square().mean()) < 0.8 * float((colours - images).square().mean())
    doubtful = output.log_scale > output.log_scale.median()
    assert float(error[doubtful].mean()) > 1.1 * float(error.mean())
