"""Cosmos DV beside the encoder and the decoder of diffusers' `AutoencoderKLCosmos`, with the same random weights.

The package has the authors' continuous tokenizers, whose networks are the same; what stands between them, two
convolutions of single positions and finite scalar quantization, is written here as it is in the authors' source,
cosmos_tokenizer/networks/discrete_video.py and modules/quantizers.py.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from authors_networks import load_published
from random_codecs import randomize
from torch import Tensor, nn

from autoencoders.extents import reconstruct_any
from autoencoders.pretrained import WeightsError, cosmos, film_zoo, load_cosmos
from autoencoders.pretrained.cosmos_layers import Haar, InverseHaar
from autoencoders.pretrained.model import Pretrained
from autoencoders.pretrained.sizes import CosmosConfig

theirs_in = pytest.importorskip(
    "diffusers.models.autoencoders.autoencoder_kl_cosmos", reason="diffusers is not there, or has no Cosmos"
)

STRIDES = [(4, 8, 8), (8, 8, 8), (8, 16, 16)]
LEVELS = torch.tensor([8, 8, 8, 5, 5, 5])


class Theirs(nn.Module):
    """Their discrete tokenizer: encoder, projection, finite scalar quantization, projection, decoder."""

    def __init__(self, config: CosmosConfig) -> None:
        super().__init__()
        widths = config.widths
        sizes = {
            "num_resnet_blocks": config.blocks,
            "spatial_compression_ratio": config.strides[1],
            "temporal_compression_ratio": config.strides[0],
        }
        self.encoder = theirs_in.CosmosEncoder3d(
            out_channels=config.latent, block_out_channels=(config.width, *widths), **sizes
        )
        self.decoder = theirs_in.CosmosDecoder3d(
            in_channels=config.latent, block_out_channels=(*widths, widths[-1]), **sizes
        )
        self.quant_conv = nn.Conv3d(config.latent, len(LEVELS), 1)
        self.post_quant_conv = nn.Conv3d(len(LEVELS), config.latent, 1)

    def latent(self, films: Tensor) -> Tensor:
        return self.quant_conv(self.encoder(films))

    def codes(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Indices, and the vectors of their levels."""
        z = latent.movedim(1, -1)
        half = (LEVELS - 1) * 1.001 / 2
        offset = torch.where(LEVELS % 2 == 0, 0.5, 0.0)
        rounded = ((z + (offset / half).atanh()).tanh() * half - offset).round()
        digits = rounded + LEVELS // 2
        basis = torch.cat([torch.ones(1, dtype=torch.long), LEVELS.cumprod(0)[:-1]])
        return (digits * basis).sum(-1).long(), (rounded / (LEVELS // 2)).movedim(-1, 1)

    def decode(self, quantized: Tensor) -> Tensor:
        return self.decoder(self.post_quant_conv(quantized))


AUTHORS: tuple[tuple[str, Any], ...] = (
    (r"down_blocks\.(\d)\.", r"down.\1."),
    (r"up_blocks\.(\d)\.", lambda found: f"up.{2 - int(found[1])}."),
    (r"(down|up)samplers\.0\.", r"\1sample."),
    (r"mid_block\.resnets\.(\d)\.", lambda found: f"mid.block_{int(found[1]) + 1}."),
    (r"mid_block\.attentions\.0\.", r"mid.attn_1.0."),
    (r"mid_block\.temp_attentions\.0\.", r"mid.attn_1.1."),
    (r"\.resnets\.", r".block."),
    (r"\.to_([qkv])\.", r".\1."),
    (r"\.to_out\.0\.", r".proj_out."),
    (r"\.conv_shortcut\.", r".nin_shortcut."),
    (r"\.conv_s\.", r".0."),
    (r"\.conv_t\.", r".1."),
    (r"(?<!norm)\.(weight|bias)$", r".conv3d.\1"),
)
"""The package's names, and the authors'."""


def authors_name(name: str) -> str:
    for pattern, new in AUTHORS:
        name = re.sub(pattern, new, name)
    return name


def of_torchscript(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As the authors' file has them: also layers that they make and do not use, and constants."""
    unused = {
        f"{part}.{level}.{name}.conv{number}.conv3d.{kind}": torch.zeros(1)
        for part, name, levels in (("encoder.down", "downsample", (0, 1)), ("decoder.up", "upsample", (1, 2)))
        for level in levels
        for number in (1, 2, 3)
        for kind in ("weight", "bias")
    }
    constants = {
        **{f"{part}.wavelets": torch.ones(2) for part in ("encoder.patcher3d", "decoder.unpatcher3d")},
        "encoder.patcher3d._arange": torch.arange(2),
        "encoder.patcher3d.patch_size_buffer": torch.ones(1, dtype=torch.int32),
        "quantizer._levels": LEVELS.int(),
        "quantizer._basis": LEVELS.int(),
        "quantizer.implicit_codebook": torch.zeros(64_000, 6),
    }
    return {**unused, **constants, **{authors_name(name): tensor for name, tensor in tensors.items()}}


def saved(model: Theirs, folder: Path) -> Path:
    path = folder / "cosmos.pt"
    torch.save(of_torchscript(model.state_dict()), path)
    return path


def small(strides: tuple[int, int, int]) -> CosmosConfig:
    return CosmosConfig(strides, width=8, multipliers=(2, 3, 3), blocks=1)


@pytest.mark.parametrize("strides", STRIDES)
@pytest.mark.parametrize("frames", [1, 9, 17])
@torch.no_grad()
def test_latents_codes_and_films_are_theirs(strides: tuple[int, int, int], frames: int, tmp_path: Path) -> None:
    config = small(strides)
    reference = randomize(Theirs(config))
    ours = load_cosmos(saved(reference, tmp_path), config)
    assert not ours.training
    reference, ours = reference.double(), ours.double()
    signal = torch.rand(2, 3, frames, 2 * strides[1], 3 * strides[1], dtype=torch.float64) * 2 - 1
    latent = reference.latent(signal)
    torch.testing.assert_close(ours.latent(signal), latent, rtol=0, atol=1e-5)
    codes, quantized = reference.codes(latent)
    (found,) = ours.encode(signal)
    assert found.shape == (2, 1, 1 + (frames - 1) // strides[0], 2, 3)
    assert torch.equal(found.squeeze(1), codes)
    assert codes.unique().numel() > 5
    film = reference.decode(quantized)
    again = ours.decode([found])
    assert again.shape == film.shape == signal.shape
    torch.testing.assert_close(again, film, rtol=0, atol=1e-5 * float(film.std()))  # theirs has wavelets in float32


@torch.no_grad()
def test_nothing_looks_ahead_and_other_lengths_go_on() -> None:
    config = small((4, 8, 8))
    model = randomize(cosmos.Cosmos(config)).double()
    film = torch.rand(1, 3, 17, 16, 16, dtype=torch.float64) * 2 - 1
    whole = model(film)
    for frames in (1, 5, 13):
        begin = model(film[:, :, :frames])
        assert torch.equal(whole.codes[0][:, :, : 1 + frames // 4], begin.codes[0])
        torch.testing.assert_close(whole.reconstruction[:, :, :frames], begin.reconstruction, rtol=0, atol=1e-9)
    again, _ = reconstruct_any(model, film[:, :, :11, :13, :10])
    assert again.shape == (1, 3, 11, 13, 10)


@torch.no_grad()
def test_blocks_come_back_from_their_haar_coefficients() -> None:
    film = torch.rand(1, 3, 9, 8, 12, dtype=torch.float64)
    coefficients = Haar()(film)
    assert coefficients.shape == (1, 192, 3, 2, 3)
    torch.testing.assert_close(coefficients[:, :3, 0], nn.functional.avg_pool2d(film[:, :, 0], 4))
    torch.testing.assert_close(coefficients[:, :3, 1:], nn.functional.avg_pool3d(film[:, :, 1:], 4))
    torch.testing.assert_close(InverseHaar()(coefficients), film)


MEGABYTES = {"encoder": 86.6, "decoder": 125}
"""Of the authors' TorchScript of 4 × 8 × 8, in bfloat16, as the page says where it is: what a part uses, the implicit
codebook, and code. What it does not use would be 7 more."""


@pytest.mark.parametrize("published", film_zoo.COSMOS, ids=lambda published: published.name)
def test_the_published_models_have_these_names_and_shapes(
    published: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = published.load.options["config"]
    with torch.device("meta"):
        tensors = of_torchscript(Theirs(config).state_dict())
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items() if not cosmos.CONSTANTS.fullmatch(name)}
    model = load_published(published, cosmos, shapes, monkeypatch)
    assert published.signals.strides == model.strides
    assert published.name == f"cosmos-dv-{'x'.join(map(str, model.strides))}"
    assert published.codes == str(model.quantizer.codebook_size) == "64000"
    if model.strides == (4, 8, 8):
        for part, size in MEGABYTES.items():
            parameters = sum(parameter.numel() for parameter in model.get_submodule(part).parameters())
            assert 2 * parameters / 1e6 == pytest.approx(size, rel=0.02)


def test_another_network_is_said(tmp_path: Path) -> None:
    config = small((4, 8, 8))
    path = saved(Theirs(config), tmp_path)
    with pytest.raises(WeightsError, match=r"conv_in\.0\.conv\.weight \(24, 16, 1, 3, 3\) for \(24, 12, 1, 3, 3\)"):
        load_cosmos(path, replace(config, latent=12))
    with pytest.raises(WeightsError, match=r"missing: decoder\.up\.0\.block\.2\.conv1"):
        load_cosmos(path, replace(config, blocks=2))
