"""The Descript Audio Codec's networks by themselves, and against transformers' with the same weights."""

from dataclasses import replace

import pytest
import torch
from small_sounds import SMALL, codec, tones
from torch import nn

from autoencoders.audio.dac import DAC, Decoder, Encoder, Snake
from autoencoders.audio.sizes import DAC_44KHZ, DACConfig
from quantizers import create_quantizer

CONFIG = SMALL["dac"]


def make(config: DACConfig = CONFIG, dim: int = 4) -> DAC:
    made = codec(config, create_quantizer("none", dim=dim))
    assert isinstance(made, DAC)
    return made


@pytest.mark.parametrize(
    ("config", "stride"),
    [
        (CONFIG, 6),
        (replace(CONFIG, strides=(2, 4, 5, 8)), 320),
        (replace(CONFIG, in_channels=2, dilations=(1, 3, 9)), 6),
    ],
)
def test_shapes_and_stride(config: DACConfig, stride: int) -> None:
    model = make(config)
    sounds = tones(2, 5 * stride, config.in_channels)
    assert model.strides == (config.stride,) == (stride,)
    assert model.latent(sounds).shape == (2, 4, 5)
    output = model(sounds).reconstruction
    assert output.shape == sounds.shape
    assert output.abs().max() <= 1


def test_published_size() -> None:
    """Counted on transformers' DacModel of its defaults, which norms no weights."""
    with torch.device("meta"):
        encoder, decoder = Encoder(DAC_44KHZ, 1024), Decoder(DAC_44KHZ, 1024)
    for network, parameters in ((encoder, 22_299_200), (decoder, 54_091_105)):
        sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
        lengths = sum(size for name, size in sizes.items() if name.endswith("original0"))
        assert sum(sizes.values()) - lengths == parameters


def test_snake_is_its_formula() -> None:
    snake, x = Snake(2).double(), torch.randn(3, 2, 5, dtype=torch.float64)
    with torch.no_grad():
        snake.alpha.copy_(torch.tensor([[0.5], [3.0]]))
    expected = torch.stack([x[:, 0] + (0.5 * x[:, 0]).sin() ** 2 / 0.5, x[:, 1] + (3 * x[:, 1]).sin() ** 2 / 3], 1)
    torch.testing.assert_close(snake(x), expected, rtol=1e-7, atol=1e-9)


def test_last_layer_makes_the_sound() -> None:
    model = make()
    (gradient,) = torch.autograd.grad(model(tones(1, 60)).reconstruction.square().mean(), model.last_layer)
    assert gradient.any()
    assert model.last_layer.shape == (1, 4, 7)


@pytest.mark.parametrize("strides", [(2, 4, 8), (2, 4, 5)])
def test_equal_to_the_dac_of_transformers(strides: tuple[int, ...]) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.DacConfig(
        encoder_hidden_size=4,
        downsampling_ratios=list(strides),
        decoder_hidden_size=16,
        upsampling_ratios=list(strides[::-1]),
        hidden_size=6,
    )
    ours = DACConfig(16_000, width=4, strides=strides, decoder_width=16)
    torch.manual_seed(0)
    peer = transformers.DacModel(theirs).double().eval()
    encoder, decoder = Encoder(ours, 6).double(), Decoder(ours, 6).double()
    _take_weights(encoder, peer.encoder, down=True)
    _take_weights(decoder, peer.decoder, down=False)
    sounds = 0.3 * torch.randn(2, 1, 30 * ours.stride, dtype=torch.float64)
    latent = peer.encoder(sounds)
    torch.testing.assert_close(encoder(sounds), latent, rtol=1e-9, atol=1e-12)
    expected, found = peer.decoder(latent), decoder(latent)
    assert found.shape == sounds.shape
    # After an odd stride theirs is shorter, and different as far from the end as the units see.
    whole = expected.shape[-1] if strides[-1] % 2 == 0 else expected.shape[-1] - 15 * ours.stride
    torch.testing.assert_close(found[..., :whole], expected[..., :whole], rtol=1e-9, atol=1e-12)
    assert expected.std() > 1e-3


def _take_weights(ours: nn.Module, theirs: nn.Module, down: bool) -> None:
    """Random weights for both; of theirs the names say the order, and no weight is normed."""
    parts = ("snake1", "conv1", "snake2", "conv2")
    units = [f"res_unit{unit}.{part}" for unit in (1, 2, 3) for part in parts]
    level = [*units, "snake1", "conv1"] if down else ["snake1", "conv_t1", *units]
    order = ["conv1", *(f"block.{block}.{part}" for block in range(3) for part in level), "snake1", "conv2"]
    layers = [module for module in ours.modules() if isinstance(module, Snake | nn.Conv1d | nn.ConvTranspose1d)]
    with torch.no_grad():
        for name, layer in zip(order, layers, strict=True):
            peer = theirs.get_submodule(name)
            if isinstance(layer, Snake):
                layer.alpha.copy_(nn.init.uniform_(peer.alpha, 0.5, 2)[0])
            else:
                layer.weight = nn.init.normal_(peer.weight, std=peer.weight[0].numel() ** -0.5).detach()
                layer.bias.copy_(nn.init.normal_(peer.bias, std=0.1))
    assert len(order) == sum(not list(module.children()) for module in theirs.modules()) - (not down)  # and the tanh
