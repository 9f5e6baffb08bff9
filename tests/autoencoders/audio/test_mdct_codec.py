"""The backbone between transforms: at its start a linear transform of the coefficients, then more."""

from dataclasses import replace

import pytest
import torch
from einops import rearrange
from small_sounds import SMALL, codec, tones

from autoencoders.audio.mdct import MDCT
from autoencoders.audio.mdct_codec import GAIN, ConvNeXtBlock, MDCTCodec
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


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("blocks", [0, 2])
@torch.no_grad()
def test_it_starts_at_the_transform_of_which_it_keeps_the_lowest_coefficients(blocks: int, channels: int) -> None:
    sounds = tones(2, 80, channels).double()
    coefficients = MDCT(8).double()(sounds)
    coefficients[..., 3:] = 0
    model = make(MDCTConfig(in_channels=channels, block=8, width=8 * channels, blocks=blocks), dim=3 * channels)
    expected = rearrange(GAIN * coefficients[..., :3], "b c t n -> b (n c) t")
    torch.testing.assert_close(model.latent(sounds), expected)
    # latents are kept in float32
    torch.testing.assert_close(
        model(sounds).reconstruction, MDCT(8).double().inverse(coefficients), rtol=1e-4, atol=1e-5
    )


@torch.no_grad()
def test_a_quiet_sound_comes_out_quiet() -> None:
    """What blocks add is as loud as what they are given."""
    model = make(MDCTConfig(block=8, width=8), dim=8)
    for name, weights in model.named_parameters():
        if "conv.bias" not in name:
            torch.nn.init.normal_(weights)
    sounds = tones(1, 800).double()
    loud, quiet = model(sounds).reconstruction, model(sounds / 100).reconstruction
    assert loud.square().mean() > 0
    torch.testing.assert_close(100 * quiet, loud, rtol=1e-3, atol=1e-4 * float(loud.abs().max()))


def test_a_block_is_its_formula() -> None:
    block = ConvNeXtBlock(MDCTConfig(block=2, width=3, kernel=3, expansion=2)).double()
    for weights in block.parameters():
        torch.nn.init.normal_(weights)
    x = torch.randn(1, 3, 4, dtype=torch.float64)
    at = torch.nn.functional.pad(x, (1, 1)).unfold(-1, 3, 1)  # what each position sees
    mixed = (at * block.mix.conv.weight[None, :, 0, None]).sum(-1) + block.mix.conv.bias[:, None]
    loudness = (mixed.square().mean(1, keepdim=True) + 1e-8).sqrt()
    mixed = mixed / loudness
    mixed = mixed - mixed.mean(1, keepdim=True)
    mixed = mixed / (mixed.square().mean(1, keepdim=True) + 1e-5).sqrt()
    mixed = mixed * block.norm.weight[:, None] + block.norm.bias[:, None]
    hidden = block.widen.weight @ mixed + block.widen.bias[:, None]
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
    expected = x + loudness * (block.narrow.weight @ hidden + block.narrow.bias[:, None])
    torch.testing.assert_close(block(x), expected, rtol=1e-9, atol=1e-9)


def test_a_position_depends_on_its_surroundings_alone() -> None:
    model = make(SMALL["mdct"])
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    long = tones(1, 600).double()
    part = long[..., 150:450]
    torch.testing.assert_close(model.latent(long)[..., 40:60], model.latent(part)[..., 15:35])
