"""SNAC beside the authors' package, with the same random weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from random_codecs import randomize
from torch import nn

from autoencoders.pretrained import WeightsError, load_snac, sound_zoo
from autoencoders.pretrained.sizes import SNACConfig

snac = pytest.importorskip("snac")

CODEBOOK = 32

SIZES = {
    "speech": SNACConfig(width=4, strides=(2, 4), decoder_width=16, map_strides=(4, 2, 1), attention_window=None),
    # an odd stride, and two heads of attention
    "music": SNACConfig(width=32, strides=(2, 3), decoder_width=128, map_strides=(8, 4, 2, 1), attention_window=16),
}


def theirs(config: SNACConfig, codebook: int = CODEBOOK) -> nn.Module:
    return snac.SNAC(
        sampling_rate=config.sample_rate,
        encoder_dim=config.width,
        encoder_rates=list(config.strides),
        decoder_dim=config.decoder_width,
        decoder_rates=list(config.strides[::-1]),
        attn_window_size=config.attention_window,
        codebook_size=codebook,
        vq_strides=list(config.map_strides),
    )


def saved(model: nn.Module, folder: Path) -> Path:
    path = folder / "pytorch_model.bin"
    torch.save(model.state_dict(), path)
    return path


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("short", [0, 1, 19])
@torch.no_grad()
def test_latents_codes_and_sounds_are_theirs(name: str, short: int, tmp_path: Path) -> None:
    """Also of lengths off the grid, after which theirs puts silence."""
    config = SIZES[name]
    reference = randomize(theirs(config), gain=0.7)
    ours = load_snac(saved(reference, tmp_path), config, CODEBOOK)
    samples = 5 * config.grid - short
    sounds = torch.randn(2, 1, samples)
    padded = F.pad(sounds, (0, -samples % ours.strides[0]))
    torch.testing.assert_close(ours.encoder(padded), reference.encoder(padded), rtol=0, atol=1e-5)
    codes = reference.encode(sounds)
    found = ours.encode(padded)
    assert [tuple(of.shape[2:]) for of in found] == [
        (padded.shape[-1] // config.stride // of,) for of in config.map_strides
    ]
    for of, their, output in zip(found, codes, ours.quantize(padded), strict=True):
        assert torch.equal(of.squeeze(1), their)
        assert torch.equal(of, output.codes)
    assert codes[-1].unique().numel() > 5
    torch.manual_seed(0)
    decoded = reference.decode(codes)
    state = torch.random.get_rng_state()
    torch.testing.assert_close(ours.decode(found), decoded, rtol=0, atol=1e-5)
    assert decoded.std() > 0.01
    torch.manual_seed(0)
    whole, _ = reference(sounds)
    torch.testing.assert_close(ours(padded).reconstruction[..., :samples], whole, rtol=0, atol=1e-5)
    assert torch.equal(torch.random.get_rng_state(), state)  # ours leaves the program's own draws alone


@torch.no_grad()
def test_noise_is_drawn_anew_in_training_only(tmp_path: Path) -> None:
    config = SIZES["speech"]
    ours = load_snac(saved(randomize(theirs(config), gain=0.7), tmp_path), config, CODEBOOK)
    codes = ours.encode(torch.randn(1, 1, config.grid))
    assert torch.equal(ours.decode(codes), ours.decode(codes))
    ours.train()
    assert not torch.allclose(ours.decode(codes), ours.decode(codes), rtol=0, atol=1e-3)


PUBLISHED_PARAMETERS = {"snac-24khz-4096": 19.8, "snac-32khz-4096": 54.5, "snac-44khz-4096": 54.5}
"""In millions, of the authors' README."""


@pytest.mark.parametrize("published", sound_zoo.SNAC, ids=lambda published: published.name)
def test_the_published_sizes_are_theirs(published, monkeypatch: pytest.MonkeyPatch) -> None:
    config = published.load.options["config"]
    with torch.device("meta"):
        reference = theirs(config, 4096)
    millions = sum(parameter.numel() for parameter in reference.parameters()) / 1e6
    assert millions == pytest.approx(PUBLISHED_PARAMETERS[published.name], abs=0.06)
    tensors = {name: torch.zeros(()).expand(of.shape) for name, of in reference.state_dict().items()}
    monkeypatch.setattr("autoencoders.pretrained.snac.read_tensors", lambda path: tensors)
    monkeypatch.setattr("autoencoders.pretrained.files.fill", lambda *arguments: None)
    with torch.device("meta"):
        ours = published.load(Path("pytorch_model.bin"))
    assert len(ours.maps) == len(ours.quantizers) == len(config.map_strides)
    positions = [published.signals.sample_rate / config.stride / of for of in config.map_strides]
    assert published.signals.codes_per_second == pytest.approx(sum(positions))


def test_another_network_is_said(tmp_path: Path) -> None:
    path = saved(theirs(SIZES["speech"]), tmp_path)
    with pytest.raises(WeightsError, match=r"missing: .*to_out"):
        load_snac(path, replace(SIZES["speech"], attention_window=16), CODEBOOK)
    with pytest.raises(WeightsError, match=r"of another shape: layers\.0\.quantizer\.codebook\.vectors"):
        load_snac(path, SIZES["speech"], CODEBOOK + 1)
