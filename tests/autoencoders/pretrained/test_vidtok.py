"""VidTok beside diffusers' `AutoencoderVidTok`, with the same random weights.

The package has version 1.1. For 1.0 its layers of time are put in their places as they are in the authors' source,
vidtok/modules/model_3dcausal.py.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from authors_networks import load_published
from random_codecs import randomize
from torch import Tensor, nn

from autoencoders.extents import reconstruct_any, streams
from autoencoders.pretrained import WeightsError, film_zoo, load_vidtok, vidtok
from autoencoders.pretrained.model import Pretrained
from autoencoders.video.sizes import VidTokConfig

theirs_in = pytest.importorskip(
    "diffusers.models.autoencoders.autoencoder_vidtok", reason="diffusers is not there, or has no VidTok"
)

SMALL, DIMS = VidTokConfig(version="1.1", width=8, blocks=1), 3
SIZES = {
    "488": replace(SMALL, multipliers=(1, 2, 2, 3)),
    # frames are halved at other levels than they are doubled at
    "41616": replace(SMALL, multipliers=(1, 2, 2, 2, 3), halving=(2, 3), blocks=2),
    "888": replace(SMALL, multipliers=(1, 1, 2, 2), halving=(0, 1, 2), doubling=(1, 2, 3)),
}


def theirs(config: VidTokConfig) -> nn.Module:
    model = theirs_in.AutoencoderVidTok(
        ch=config.width,
        ch_mult=list(config.multipliers),
        z_channels=DIMS,
        double_z=False,
        num_res_blocks=config.blocks,
        tempo_ds=list(config.halving),
        tempo_us=list(config.doubling),
        regularizer="fsq",
        codebook_size=8**DIMS,
    )
    if config.version == "1.0":
        for module in model.modules():
            if rule := FIRST_VERSION.get(type(module)):
                module.forward = partial(rule, module)
    return model


def zeros_before(conv: nn.Module, x: Tensor) -> Tensor:
    sides = conv.spatial_padding[:4] if x.ndim == 5 else ()
    return conv.conv(F.pad(x, (*sides, conv.time_pad, 0)))


def mixed(layer: nn.Module, fixed: Tensor, x: Tensor) -> Tensor:
    alpha = torch.sigmoid(layer.mix_factor)
    return alpha * fixed + (1 - alpha) * layer.conv(x)


def means_with_zeros(layer: nn.Module, x: Tensor) -> Tensor:
    return mixed(layer, F.avg_pool3d(F.pad(x, (0, 0, 0, 0, 1, 0)), (3, 1, 1), stride=(2, 1, 1)), x)


def nearest(layer: nn.Module, x: Tensor) -> Tensor:
    x = F.interpolate(x, scale_factor=(2, 1, 1), mode="nearest")
    return mixed(layer, x, x)


FIRST_VERSION = {
    theirs_in.VidTokCausalConv1d: zeros_before,
    theirs_in.VidTokCausalConv3d: zeros_before,
    theirs_in.VidTokDownsample3D: means_with_zeros,
    theirs_in.VidTokUpsample3D: nearest,
}


@torch.no_grad()
def randomized(config: VidTokConfig) -> nn.Module:
    """With latents that use all levels, and shares of both sides of a half."""
    model = randomize(theirs(config))
    for name, parameter in model.named_parameters():
        if name.endswith("mix_factor"):
            parameter.normal_()
    return model


def saved(model: nn.Module, folder: Path) -> Path:
    """As the authors store it, with what trained it."""
    path = folder / "vidtok.ckpt"
    torch.save({"state_dict": {**model.state_dict(), "loss.logvar": torch.zeros(())}}, path)
    return path


def films(config: VidTokConfig, frames: int) -> Tensor:
    """Not square."""
    side = config.stride[1]
    return torch.rand(2, 3, frames, 2 * side, 3 * side, dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("frames", [1, 5, 9, 17])
@torch.no_grad()
def test_latents_codes_and_films_are_theirs(name: str, version: str, frames: int, tmp_path: Path) -> None:
    """Also of lengths off the grid of strides, where both have the last frame go on."""
    config = replace(SIZES[name], version=version)
    reference = randomized(config)
    ours = load_vidtok(saved(reference, tmp_path), config, DIMS)
    assert not ours.training
    reference, ours, signal = reference.double(), ours.double(), films(config, frames)
    quantized, codes = reference(signal, encoder_mode=True, return_dict=False)
    again, found = reconstruct_any(ours, signal)
    positions = 1 + -(-(frames - 1) // config.stride[0])
    assert codes.shape == (2, positions, 2, 3)
    assert torch.equal(found[0].squeeze(1), codes)
    assert codes.unique().numel() > 5
    if (frames - 1) % config.stride[0] == 0:
        ahead = F.pad(signal, (0, 0, 0, 0, config.stride[0] - 1, 0), mode="replicate")
        torch.testing.assert_close(ours.latent(signal), reference.encoder(ahead), rtol=0, atol=1e-10)
        (output,) = ours.quantize(signal)
        assert torch.equal(output.quantized, quantized)
    film = reference(signal).sample
    assert again.shape == film.shape == signal.shape
    torch.testing.assert_close(again, film, rtol=0, atol=1e-5)  # theirs interpolates in float32
    assert film.std() > 0.01


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("name", SIZES)
@torch.no_grad()
def test_the_first_frame_is_coded_as_a_picture(name: str, version: str) -> None:
    config = replace(SIZES[name], version=version)
    model = randomize(vidtok.published(config, DIMS)).double()
    film = films(config, 17)
    whole, alone = model(film), model(film[:, :, :1])
    assert torch.equal(whole.codes[0][:, :, :1], alone.codes[0])
    torch.testing.assert_close(whole.reconstruction[:, :, :1], alone.reconstruction, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", SIZES)
@torch.no_grad()
def test_chunks_of_the_first_version_are_the_whole(name: str) -> None:
    config = replace(SIZES[name], version="1.0")
    model = randomize(vidtok.published(config, DIMS)).double()
    stride, film = config.stride[0], films(config, 1 + 5 * config.stride[0])
    expected = model(film)
    encoder, decoder, codes, parts = model.encoder_state(2), model.decoder_state(2), [], []
    for chunk in film.split([1 + stride, stride, 3 * stride], 2):
        (found,), encoder = model.encode_chunk(chunk, encoder)
        part, decoder = model.decode_chunk([found], decoder)
        assert part.shape == chunk.shape
        codes.append(found)
        parts.append(part)
    assert torch.equal(torch.cat(codes, 2), expected.codes[0])
    torch.testing.assert_close(torch.cat(parts, 2), expected.reconstruction, rtol=0, atol=1e-9)


def test_the_second_version_does_not_stream_and_says_why() -> None:
    model = vidtok.published(SIZES["488"], DIMS)
    assert not streams(model)
    with pytest.raises(ValueError, match=r"cannot stream: the decoder of VidTok's version 1\.1 looks at later frames"):
        model.encoder_state()


@torch.no_grad()
def test_a_file_does_not_say_its_version(tmp_path: Path) -> None:
    path = saved(randomized(SIZES["488"]), tmp_path)
    new, old = (load_vidtok(path, replace(SIZES["488"], version=version), DIMS).double() for version in ("1.1", "1.0"))
    film = films(SIZES["488"], 9)
    assert (new.latent(film) - old.latent(film)).abs().max() > 0.1


MEGABYTES = {"488": 700, "41616": 866}
"""Of the authors' files, as the page says where they are, those of version 1.0."""

OF_TRAINING = 14_714_688 + 1_472 + 2_768_705
"""Parameters of VGG-16's convolutions and the weights of LPIPS over them, and of the discriminator, in these files."""


@pytest.mark.parametrize("published", film_zoo.VIDTOK, ids=lambda published: published.name)
def test_the_published_models_have_these_names_and_shapes(
    published: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, dims = (published.load.options[name] for name in ("config", "dims"))
    with torch.device("meta"):
        parts = (
            theirs_in.VidTokEncoder3D(
                3,
                config.width,
                list(config.multipliers),
                z_channels=dims,
                double_z=False,
                tempo_ds=list(config.halving),
            ),
            theirs_in.VidTokDecoder3D(
                config.width, list(config.multipliers), z_channels=dims, tempo_us=list(config.doubling)
            ),
        )
    tensors = {
        f"{part}.{name}": tensor
        for part, network in zip(("encoder", "decoder"), parts, strict=True)
        for name, tensor in network.state_dict().items()
    }
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    model = load_published(published, vidtok, shapes, monkeypatch)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert parameters == sum(tensor.numel() for tensor in tensors.values())
    _, _, _, strides, codes, *version = published.name.split("-")
    assert "".join(map(str, published.signals.strides)) == strides
    assert published.signals.strides == model.strides
    assert published.codes == str(model.quantizer.codebook_size) == codes
    assert (version == ["v1", "1"]) == (config.version == "1.1")
    if not version:
        assert (parameters + OF_TRAINING) * 4 / 1e6 == pytest.approx(MEGABYTES[strides], abs=0.6)


def test_another_network_is_said(tmp_path: Path) -> None:
    path = saved(theirs(SMALL), tmp_path)
    with pytest.raises(WeightsError, match=r"of another shape: decoder\.conv_in\.conv\.weight \(32, 3, 3, 3, 3\)"):
        load_vidtok(path, SMALL, 4)
    with pytest.raises(WeightsError, match=r"missing: decoder\.up\.0\.block\.2\.space\.layer"):
        load_vidtok(path, replace(SMALL, blocks=2), DIMS)
    with pytest.raises(WeightsError, match=r"missing: .*encoder\.down\.0\.frames\.conv\.conv\.bias"):
        load_vidtok(path, replace(SMALL, halving=(0, 1)), DIMS)
