"""The backbone between transforms: at its start a linear transform of the coefficients, then more."""

from dataclasses import replace

import pytest
import torch
from small_sounds import SMALL, codec, tones

from autoencoders.audio.mdct import MDCT
from autoencoders.audio.mdct_codec import ConvNeXtBlock, MDCTCodec
from autoencoders.audio.sizes import MDCTConfig
from quantizers import create_quantizer


def make(config: MDCTConfig, dim: int = 4) -> MDCTCodec:
    made = codec(config, create_quantizer("none", dim=dim))
    assert isinstance(made, MDCTCodec)
    return made.double().eval()


@pytest.mark.parametrize("channels", [1, 2])
def test_shapes_and_stride(channels: int) -> None:
    model = make(replace(SMALL["mdct"], in_channels=channels))
    sounds = tones(2, 30, channels).double()
    assert model.strides == (6,)
    assert model.latent(sounds).shape == (2, 4, 5)
    assert model(sounds).reconstruction.shape == sounds.shape


@pytest.mark.parametrize("blocks", [0, 2])
@torch.no_grad()
def test_it_starts_at_a_linear_transform_that_can_keep_all(blocks: int) -> None:
    """With as many channels as coefficients, and the decoder's layers the inverses of the encoder's."""
    model = make(MDCTConfig(block=8, width=8, blocks=blocks), dim=8)
    layers = [network[index].conv for network, index in [(model.encoder, 1), (model.encoder, -1)]]
    back = [network[index].conv for network, index in [(model.decoder, -2), (model.decoder, 0)]]
    for layer, inverse in zip(layers, back, strict=True):
        layer.bias.zero_()
        inverse.weight.copy_(torch.linalg.inv(layer.weight.squeeze(-1)).unsqueeze(-1))
        inverse.bias.zero_()
    sounds = tones(2, 80).double()
    expected = MDCT(8).double()(sounds).squeeze(1).mT
    for layer in layers:
        expected = layer(expected)
    torch.testing.assert_close(model.latent(sounds), expected)
    torch.testing.assert_close(
        model(sounds).reconstruction, sounds, rtol=1e-4, atol=1e-5
    )  # latents are kept in float32


def test_a_block_is_its_formula() -> None:
    block = ConvNeXtBlock(MDCTConfig(block=2, width=3, kernel=3, expansion=2)).double()
    for weights in block.parameters():
        torch.nn.init.normal_(weights)
    x = torch.randn(1, 3, 4, dtype=torch.float64)
    at = torch.nn.functional.pad(x, (1, 1)).unfold(-1, 3, 1)  # what each position sees
    mixed = (at * block.mix.conv.weight[None, :, 0, None]).sum(-1) + block.mix.conv.bias[:, None]
    mixed = mixed - mixed.mean(1, keepdim=True)
    mixed = mixed / (mixed.square().mean(1, keepdim=True) + 1e-5).sqrt()
    mixed = mixed * block.norm.weight[:, None] + block.norm.bias[:, None]
    hidden = block.widen.weight @ mixed + block.widen.bias[:, None]
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
    expected = x + block.narrow.weight @ hidden + block.narrow.bias[:, None]
    torch.testing.assert_close(block(x), expected, rtol=1e-9, atol=1e-9)


def test_a_position_depends_on_its_surroundings_alone() -> None:
    model = make(SMALL["mdct"])
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    long = tones(1, 600).double()
    part = long[..., 150:450]
    torch.testing.assert_close(model.latent(long)[..., 40:60], model.latent(part)[..., 15:35])
