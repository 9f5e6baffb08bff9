"""The Descript Audio Codec beside transformers' `DacModel`, by its names and by the authors'."""

import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from random_codecs import randomize, saved
from torch import Tensor
from transformers import DacConfig as TheirConfig, DacModel

from autoencoders import DACConfig
from autoencoders.pretrained import WeightsError, load_dac, sound_zoo

CODES, CODEBOOK = 5, 16

EVEN = DACConfig(width=4, strides=(2, 4), decoder_width=16)
ODD = DACConfig(width=4, strides=(2, 3, 5), decoder_width=32)
"""As at 16 and 24 kHz, but for two odd strides."""


def theirs(config: DACConfig, codes: int = CODES, codebook: int = CODEBOOK) -> DacModel:
    return randomize(
        DacModel(
            TheirConfig(
                encoder_hidden_size=config.width,
                downsampling_ratios=list(config.strides),
                decoder_hidden_size=config.decoder_width,
                n_codebooks=codes,
                codebook_size=codebook,
                sampling_rate=config.sample_rate,
            )
        ),
        gain=0.5,
    )


IN_LEVEL = (("encoder", "snake1", 3), ("encoder", "conv1", 4), ("decoder", "snake1", 0), ("decoder", "conv_t1", 1))

IN_UNIT = {"snake1": 0, "conv1": 1, "snake2": 2, "conv2": 3}


def authors_name(name: str, levels: int) -> str:
    """A tensor's name in the authors' network."""
    first_unit = 0 if name.startswith("encoder") else 2

    def unit(at: re.Match[str]) -> str:
        return f"block.{int(at[1]) + 1}.block.{int(at[2]) - 1 + first_unit}.block.{IN_UNIT[at[3]]}."

    name = re.sub(r"block\.(\d)\.res_unit(\d)\.(\w+?)\.", unit, name)
    for part, layer, place in IN_LEVEL:
        name = in_level(name, part, layer, place)
    for layer, place in (("conv1", 0), ("snake1", levels + 1), ("conv2", levels + 2)):
        name = re.sub(rf"^(encoder|decoder)\.{layer}\.", rf"\1.block.{place}.", name)
    return re.sub(r"^decoder\.block\.", "decoder.model.", name)


def in_level(name: str, part: str, layer: str, place: int) -> str:
    return re.sub(rf"^{part}\.block\.(\d)\.{layer}\.", lambda at: f"{part}.block.{int(at[1]) + 1}.block.{place}.", name)


def authors_tensors(model: DacModel, levels: int) -> dict[str, Tensor]:
    """The state dict of the authors' network, in which convolutions have a length and a direction."""
    found = {}
    for name, tensor in model.state_dict().items():
        new = authors_name(name, levels)
        if new.endswith(".weight") and "codebook" not in new:
            length = tensor.flatten(1).norm(dim=1).view(-1, *[1] * (tensor.ndim - 1))
            found |= {f"{new}_g": length, f"{new}_v": tensor * 1.7}
        else:
            found[new] = tensor
    return found


def file_of(model: DacModel, config: DACConfig, names: str, folder: Path) -> Path:
    if names == "transformers":
        return saved(model, folder)
    if names == "transformers with norms":
        model.apply_weight_norm()
        return saved(model, folder)
    path = folder / "weights.pth"
    torch.save(
        {"state_dict": authors_tensors(model, len(config.strides)), "metadata": {"kwargs": {"encoder_rates": [2, 4]}}},
        path,
    )
    return path


@pytest.mark.parametrize("names", ["transformers", "transformers with norms", "authors"])
@pytest.mark.parametrize("config", [EVEN, ODD], ids=["even", "odd"])
@torch.no_grad()
def test_latents_codes_and_sounds_are_theirs(names: str, config: DACConfig, tmp_path: Path) -> None:
    reference = theirs(config)
    ours = load_dac(file_of(reference, config, names, tmp_path), config, CODES, CODEBOOK)
    sounds = torch.randn(2, 1, 15 * config.stride)
    torch.testing.assert_close(ours.latent(sounds), reference.encoder(sounds), rtol=0, atol=1e-5)
    found = reference.encode(sounds)
    (output,) = ours.quantize(sounds)
    assert torch.equal(output.codes, found.audio_codes)
    assert output.codes.unique().numel() > 8
    torch.testing.assert_close(output.quantized, found.quantized_representation, rtol=0, atol=1e-5)
    decoded = reference.decode(audio_codes=found.audio_codes).audio_values.unsqueeze(1)
    back = ours.decode([found.audio_codes])
    assert back.shape == sounds.shape
    end = decoded.shape[-1]
    assert (end == back.shape[-1]) == (config is EVEN)
    torch.testing.assert_close(back[..., :end], decoded, rtol=0, atol=1e-5)
    assert not back[..., end:].any()
    assert decoded.std() > 0.01
    torch.testing.assert_close(ours(sounds).reconstruction, back, rtol=0, atol=1e-5)
    two = reference.encode(sounds, n_quantizers=2)
    assert torch.equal(ours.quantizer.truncated(2)(ours.latent(sounds)).codes, two.audio_codes)


@torch.no_grad()
def test_silence_after_a_sound_is_what_the_authors_put_there(tmp_path: Path) -> None:
    """Their `preprocess` does; transformers' network takes a sound as it is and drops what is no whole stride."""
    reference = theirs(EVEN)
    ours = load_dac(saved(reference, tmp_path), EVEN, CODES, CODEBOOK)
    sounds = torch.randn(2, 1, 10 * EVEN.stride + 3)
    padded = F.pad(sounds, (0, EVEN.stride - 3))
    assert torch.equal(ours.encode(padded)[0], reference.encode(padded).audio_codes)
    assert reference.encode(sounds).audio_codes.shape[-1] == 10
    assert ours.encode(padded)[0].shape[-1] == 11


@pytest.mark.parametrize("published", sound_zoo.DAC, ids=lambda published: published.name)
@torch.no_grad()
def test_the_published_sizes_are_theirs(published, monkeypatch: pytest.MonkeyPatch) -> None:
    options = published.load.options
    config, codes = options["config"], options["codes_per_position"]
    with torch.device("meta"):
        reference = DacModel(
            TheirConfig(downsampling_ratios=list(config.strides), n_codebooks=codes, sampling_rate=config.sample_rate)
        )
    tensors = {name: torch.zeros(()).expand(of.shape) for name, of in authors_tensors(reference, 4).items()}
    monkeypatch.setattr("autoencoders.pretrained.dac.read_tensors", lambda path: tensors)
    monkeypatch.setattr("autoencoders.pretrained.files.fill", lambda *arguments: None)
    with torch.device("meta"):
        ours = published.load(Path("weights.pth"))
    assert sum(of.numel() for of in ours.parameters()) > sum(of.numel() for of in reference.parameters())  # lengths
    positions = published.signals.sample_rate / ours.strides[0]
    assert published.signals.codes_per_second == pytest.approx(positions * ours.quantizer.codes_per_position)


def test_another_network_is_said(tmp_path: Path) -> None:
    path = saved(theirs(EVEN), tmp_path)
    with pytest.raises(WeightsError, match=r"missing: quantizer\.layers\.5\.project_in\.bias"):
        load_dac(path, EVEN, CODES + 1, CODEBOOK)
    with pytest.raises(WeightsError, match=r"of another shape: .*decoder\."):
        load_dac(path, DACConfig(width=4, strides=(2, 4), decoder_width=32), CODES, CODEBOOK)
    with pytest.raises(WeightsError, match=r"model\.safetensors: "):
        load_dac(path, ODD, CODES, CODEBOOK)
