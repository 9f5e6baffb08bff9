"""SEANet by itself, and against transformers' EnCodec with the same weights."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from small_sounds import SEANET, codec, tones
from torch import nn

from autoencoders.audio.seanet import ELU, ChannelsToSamples, Decoder, Encoder, SamplesToChannels, SEANetCodec
from autoencoders.audio.sizes import ENCODEC_24KHZ, SEANetConfig
from quantizers import create_quantizer

STREAMING = replace(SEANET, padding="zeros")


def make(config: SEANetConfig = SEANET, dim: int = 4) -> SEANetCodec:
    made = codec(config, create_quantizer("none", dim=dim))
    assert isinstance(made, SEANetCodec)
    return made


@pytest.mark.parametrize(
    ("config", "stride"),
    [
        (SEANET, 6),
        (replace(SEANET, strides=(2, 4, 5, 8), lstm_layers=0), 320),
        (replace(SEANET, stem=4, in_channels=2), 24),
        (replace(SEANET, causal=False, norm="time-group", in_channels=2), 6),
        (replace(SEANET, residual_units=3, dilation_base=3, residual_kernel=7, compress=1, shortcut="identity"), 6),
        (replace(SEANET, padding="zeros", norm="none", latent_kernel=3, last_kernel=5, first_kernel=9), 6),
    ],
)
def test_shapes_and_stride(config: SEANetConfig, stride: int) -> None:
    model = make(config)
    sounds = tones(2, 5 * stride, config.in_channels)
    assert model.strides == (config.stride,) == (stride,)
    assert model.latent(sounds).shape == (2, 4, 5)
    assert model(sounds).reconstruction.shape == sounds.shape
    assert config.frame_rate == 16_000 / stride


def test_published_size() -> None:
    """Counted on EncodecModel.from_pretrained("facebook/encodec_24khz") of transformers, weight norms included."""
    with torch.device("meta"):
        encoder, decoder = Encoder(ENCODEC_24KHZ, 128), Decoder(ENCODEC_24KHZ, 128)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 7_425_792
    assert sum(parameter.numel() for parameter in decoder.parameters()) == 7_426_018


def test_the_stem_loses_nothing() -> None:
    sounds = torch.randn(2, 2, 12)
    blocks = SamplesToChannels(4)(sounds)
    assert blocks[0, :, 1].tolist() == [*sounds[0, 0, 4:8].tolist(), *sounds[0, 1, 4:8].tolist()]
    assert torch.equal(ChannelsToSamples(4)(blocks), sounds)


def seen(function: Any, x: torch.Tensor, place: int) -> list[int]:
    """The places of x that a place of function(x) depends on."""
    x = x.clone().requires_grad_()
    function(x)[..., place].square().sum().backward()
    return x.grad.abs().sum((0, 1)).nonzero().flatten().tolist()


@pytest.mark.parametrize("stem", [1, 2])
def test_a_causal_model_looks_at_nothing_that_comes_later(stem: int) -> None:
    model = make(replace(STREAMING, stem=stem)).double()
    stride = model.strides[0]
    sounds = torch.randn(1, 1, 10 * stride, dtype=torch.float64)
    assert max(seen(model.encoder, sounds, 4)) == 5 * stride - 1
    assert max(seen(model.decoder, torch.randn(1, 4, 10, dtype=torch.float64), 5 * stride - 1)) == 4
    assert max(seen(model.decoder, torch.randn(1, 4, 10, dtype=torch.float64), 4 * stride)) == 4


def test_a_model_that_is_not_causal_looks_ahead() -> None:
    model = make(replace(STREAMING, causal=False)).double()
    assert max(seen(model.encoder, torch.randn(1, 1, 60, dtype=torch.float64), 4)) > 30
    assert max(seen(model.decoder, torch.randn(1, 4, 10, dtype=torch.float64), 29)) > 4


def test_by_reflection_only_the_start_looks_ahead() -> None:
    model = make(replace(SEANET, lstm_layers=0)).double()
    sounds = torch.randn(1, 1, 60, dtype=torch.float64)
    assert max(seen(model.encoder, sounds, 0)) > 5
    assert max(seen(model.encoder, sounds, 9)) == 59


def test_the_lstm_sees_all_that_came_before() -> None:
    with_memory, without = make(STREAMING).double(), make(replace(STREAMING, lstm_layers=0)).double()
    sounds = torch.randn(1, 1, 600, dtype=torch.float64)
    assert 0 in seen(with_memory.encoder, sounds, 60)
    assert min(seen(without.encoder, sounds, 60)) > 300


@pytest.mark.parametrize("norm", ["weight", "none"])
def test_last_layer_makes_the_sound(norm: str) -> None:
    model = make(replace(SEANET, norm=norm))
    (gradient,) = torch.autograd.grad(model(tones(1, 60)).reconstruction.square().mean(), model.last_layer)
    assert gradient.any()
    assert model.last_layer.shape == (1, 4, 7)


def named(model: nn.Module) -> list[str]:
    """Names of the parameters without where they are in the network: what is left is in both the same order."""
    return [name.rpartition(".")[2] for name, _ in model.named_parameters()]


def take_weights(ours: nn.Module, theirs: nn.Module) -> None:
    """Into our network, those of another with the same layers in the same order."""
    assert named(ours) == named(theirs)
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.copy_(torch.nn.init.normal_(other, std=0.3 * other.numel() ** -0.1))


PUBLISHED = {
    "24 kHz": {},
    "48 kHz": {"audio_channels": 2, "use_causal_conv": False, "norm_type": "time_group_norm"},
    "several units": {"num_residual_layers": 3, "dilation_growth_rate": 3, "residual_kernel_size": 7, "compress": 1},
    "identity, other kernels": {"use_conv_shortcut": False, "kernel_size": 9, "num_lstm_layers": 1},
    "zeros": {"pad_mode": "constant", "use_causal_conv": False},
}


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("samples", [600, 61, 30, 7])
def test_equal_to_the_encodec_of_transformers(name: str, samples: int) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.EncodecConfig(
        num_filters=8, hidden_size=6, upsampling_ratios=[5, 3, 2], codebook_dim=6, **PUBLISHED[name]
    )
    ours = SEANetConfig(
        in_channels=theirs.audio_channels,
        width=8,
        strides=(2, 3, 5),
        residual_units=theirs.num_residual_layers,
        dilation_base=theirs.dilation_growth_rate,
        residual_kernel=theirs.residual_kernel_size,
        compress=theirs.compress,
        shortcut="convolution" if theirs.use_conv_shortcut else "identity",
        first_kernel=theirs.kernel_size,
        lstm_layers=theirs.num_lstm_layers,
        causal=theirs.use_causal_conv,
        padding="reflect" if theirs.pad_mode == "reflect" else "zeros",
        norm="time-group" if theirs.norm_type == "time_group_norm" else "weight",
    )
    torch.manual_seed(0)
    peer = transformers.EncodecModel(theirs).double().eval()
    encoder, decoder = Encoder(ours, 6).double(), Decoder(ours, 6).double()
    take_weights(encoder, peer.encoder)
    take_weights(decoder, peer.decoder)
    sounds = torch.randn(2, theirs.audio_channels, samples, dtype=torch.float64)
    latent = peer.encoder(sounds)
    torch.testing.assert_close(encoder(sounds), latent, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(decoder(latent), peer.decoder(latent), rtol=1e-9, atol=1e-12)
    assert latent.std() > 1e-3


@pytest.mark.parametrize("overwrites", [False, True])
def test_the_elu_without_gradients_is_that_of_float64_and_overwrites_only_where_it_may(overwrites: bool) -> None:
    infinite = torch.tensor([torch.inf, -torch.inf])
    x = torch.cat([torch.linspace(-30, 30, 100_001), -torch.logspace(-12, 1, 1001), infinite])
    given = x.clone()
    made = ELU(overwrites=overwrites)(given)
    expected = torch.nn.functional.elu(x.double())
    assert torch.equal(made[x >= 0], x[x >= 0])
    assert (made.double() - expected)[x < 0].abs().max() <= 2**-24
    assert torch.equal(given, made if overwrites else x)


@pytest.mark.parametrize("config", [ENCODEC_24KHZ, replace(ENCODEC_24KHZ, norm="time-group", causal=False)])
def test_what_is_overwritten_is_needed_by_no_gradient(config: SEANetConfig) -> None:
    """Gradients are those without overwriting, and what comes out in float32 without any is what float64 makes."""
    torch.manual_seed(0)
    small = replace(config, width=4, strides=(2, 2))
    codec = torch.nn.Sequential(Encoder(small, 3), Decoder(small, 3)).double()
    sound = torch.randn(1, 1, 64, dtype=torch.float64)
    gradients = []
    for overwriting in (True, False):
        for layer in codec.modules():
            if isinstance(layer, ELU):
                layer.overwrites = layer.overwrites and overwriting
        gradients.append(torch.autograd.grad(codec(sound).square().sum(), list(codec.parameters())))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
    expected = codec(sound)
    with torch.no_grad():
        torch.testing.assert_close(codec.float()(sound.float()).double(), expected, rtol=1e-4, atol=1e-5)
