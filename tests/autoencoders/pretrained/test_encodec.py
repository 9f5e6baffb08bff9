"""EnCodec beside transformers' `EncodecModel`, by its names and by the authors'."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from random_codecs import randomize, saved
from torch import Tensor
from transformers import EncodecConfig, EncodecModel

from autoencoders import SEANetConfig, extents
from autoencoders.pretrained import WeightsError, load_encodec, load_encodec_in_segments, sound_zoo
from autoencoders.pretrained.encodec import FloatDigits

CODES, DIM, CODEBOOK = 4, 6, 16

WHOLE = SEANetConfig(width=4, strides=(2, 4))
STRIDE = WHOLE.stride
SEGMENTED = SEANetConfig(
    # hops of 1188 samples are 148.5 strides, as those at 48 kHz
    sample_rate=1200,
    width=4,
    strides=(2, 4),
    in_channels=2,
    causal=False,
    norm="time-group",
)


def theirs(config: SEANetConfig) -> EncodecModel:
    segmented = config.norm == "time-group"
    # of which transformers takes as many codebooks as the largest bandwidth has bits for
    bandwidth = CODES * 4 * -(-config.sample_rate // config.stride) / 1000
    model = EncodecModel(
        EncodecConfig(
            target_bandwidths=[bandwidth / CODES, bandwidth],
            sampling_rate=config.sample_rate,
            audio_channels=config.in_channels,
            normalize=segmented,
            chunk_length_s=1.0 if segmented else None,
            overlap=0.01 if segmented else None,
            hidden_size=DIM,
            num_filters=config.width,
            upsampling_ratios=list(config.strides[::-1]),
            norm_type="time_group_norm" if segmented else "weight_norm",
            use_causal_conv=config.causal,
            codebook_size=CODEBOOK,
        )
    )
    assert len(model.quantizer.layers) == CODES
    return randomize(model)


def authors_name(name: str) -> str:
    """A tensor's name in the authors' checkpoint."""
    name = re.sub(r"^(encoder|decoder)\.layers\.", r"\1.model.", name)
    kind = "convtr" if re.match(r"decoder\.model\.(3|6)\.", name) else "conv"
    name = re.sub(r"\.conv\.", f".{kind}.{kind}.", name)
    name = re.sub(r"\.norm\.", f".{kind}.norm.", name)
    name = name.replace("parametrizations.weight.original0", "weight_g")
    name = name.replace("parametrizations.weight.original1", "weight_v")
    return re.sub(r"^quantizer\.layers\.(\d+)\.codebook\.", r"quantizer.vq.layers.\1._codebook.", name)


def their_codes(model: EncodecModel, sounds: Tensor) -> tuple[list[Tensor], list[Tensor], int]:
    found = model.encode(sounds, bandwidth=model.config.target_bandwidths[-1])
    cut = found.last_frame_pad_length
    codes = list(found.audio_codes)
    codes[-1] = codes[-1][..., : codes[-1].shape[-1] - cut]
    return codes, found.audio_scales, cut


@pytest.mark.parametrize("names", ["transformers", "authors"])
@pytest.mark.parametrize("samples", [20 * STRIDE, 20 * STRIDE + 1, STRIDE - 3])
@torch.no_grad()
def test_latents_codes_and_sounds_are_theirs(names: str, samples: int, tmp_path: Path) -> None:
    reference = theirs(WHOLE)
    path = saved(reference, tmp_path, authors_name if names == "authors" else None)
    ours = load_encodec(path, WHOLE, CODES, DIM, CODEBOOK)
    sounds = torch.randn(2, 1, samples)
    torch.testing.assert_close(ours.encoder(sounds), reference.encoder(sounds), rtol=0, atol=1e-5)
    (codes,), _, _ = their_codes(reference, sounds)
    assert torch.equal(ours.quantizer(ours.encoder(sounds)).codes, codes)
    assert codes.unique().numel() > (8 if samples > STRIDE else 2)
    decoded = reference.decode(codes.unsqueeze(0), [None]).audio_values
    assert decoded.shape[-1] == -(-samples // STRIDE) * STRIDE
    torch.testing.assert_close(ours.decode([codes]), decoded, rtol=0, atol=1e-5)
    assert decoded.std() > 0.01
    if samples % STRIDE == 0:
        assert torch.equal(ours.encode(sounds)[0], codes)
    one = reference.encode(sounds, bandwidth=reference.config.target_bandwidths[0]).audio_codes[0]
    assert torch.equal(one, ours.quantizer.truncated(1)(ours.encoder(sounds)).codes)


@torch.no_grad()
def test_silence_after_a_sound_changes_only_its_last_position(tmp_path: Path) -> None:
    """Of a length off the grid theirs reflects what came before."""
    reference = theirs(WHOLE)
    ours = load_encodec(saved(reference, tmp_path), WHOLE, CODES, DIM, CODEBOOK)
    sounds = torch.randn(2, 1, 20 * STRIDE + 3)
    padded = ours.latent(F.pad(sounds, (0, STRIDE - 3)))
    latent = reference.encoder(sounds)
    torch.testing.assert_close(padded[..., :-1], latent[..., :-1], rtol=0, atol=1e-5)
    assert not torch.allclose(padded[..., -1], latent[..., -1], rtol=0, atol=0.01)


@pytest.mark.parametrize("names", ["transformers", "authors"])
@pytest.mark.parametrize(
    "samples",
    # one segment; two, of which the first is whole or ends with the sound; several. Then the same off the grid.
    [8, 1184, 1200, 1192, 2400, 3600, 5000, 3, 1181, 1190, 1201, 5003],
)
@torch.no_grad()
def test_segments_and_scales_are_theirs(names: str, samples: int, tmp_path: Path) -> None:
    reference = theirs(SEGMENTED)
    path = saved(reference, tmp_path, authors_name if names == "authors" else None)
    ours = load_encodec_in_segments(path, SEGMENTED, CODES, DIM, CODEBOOK)
    sounds = torch.randn(2, 2, samples) * torch.linspace(0.1, 2, samples)
    codes, scales, cut = their_codes(reference, sounds)
    latents, found_scales = ours.latents(sounds)
    found = [ours.codec.quantizer(latents).codes, ours.scale(found_scales).codes]
    assert torch.equal(found[0], torch.cat(codes, -1))
    assert codes[0].unique().numel() > (8 if samples > 8 else 2)
    torch.testing.assert_close(ours.scale.decode(found[1])[:, 0], torch.cat(scales, -1), rtol=1e-6, atol=0)
    stacked = torch.stack([F.pad(one, (0, codes[0].shape[-1] - one.shape[-1])) for one in codes])
    decoded = reference.decode(stacked, scales, last_frame_pad_length=cut).audio_values
    back = ours.decode(found)
    assert 0 <= decoded.shape[-1] - back.shape[-1] < STRIDE
    torch.testing.assert_close(back, decoded[..., : back.shape[-1]], rtol=0, atol=1e-5)
    assert back.std() > 0.01
    if samples % STRIDE == 0:
        assert all(map(torch.equal, ours.encode(sounds), found))
        assert torch.equal(ours(sounds).reconstruction, back)
        assert back.shape == sounds.shape


@torch.no_grad()
def test_a_last_segment_of_which_theirs_makes_no_sound(tmp_path: Path) -> None:
    """What they decode of the one before is longer than the sound."""
    reference = theirs(SEGMENTED)
    ours = load_encodec_in_segments(saved(reference, tmp_path), SEGMENTED, CODES, DIM, CODEBOOK)
    sounds = torch.randn(1, 2, 2 * 1188 + STRIDE)
    back = ours(sounds).reconstruction
    assert back.shape == sounds.shape
    assert back.isfinite().all()
    # up to the second segment nothing is of the last two
    shorter = ours(sounds[..., : 2 * 1188]).reconstruction
    torch.testing.assert_close(back[..., :1188], shorter[..., :1188], rtol=0, atol=1e-6)


def test_every_length_of_segments_is_told_from_its_codes(tmp_path: Path) -> None:
    ours = load_encodec_in_segments(saved(theirs(SEGMENTED), tmp_path), SEGMENTED, CODES, DIM, CODEBOOK)
    for samples in range(8, 5000, 8):
        positions = ours._positions(samples)
        assert ours._extent(sum(positions), len(positions)) == samples
    with pytest.raises(ValueError, match="no sound has 7 positions in 2 segments"):
        ours._extent(7, 2)


def test_a_long_sound_is_coded_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its segments are no tiles."""
    ours = load_encodec_in_segments(saved(theirs(SEGMENTED), tmp_path), SEGMENTED, CODES, DIM, CODEBOOK)
    monkeypatch.setattr(extents, "LARGEST_WHOLE", 100)
    sound = torch.randn(1, 2, 2997)
    codes = extents.encode_any(ours, sound)
    assert [found.shape[-1] for found in codes] == [150 + 150 + 78, 3]
    assert extents.decode_any(ours, codes, [2997]).shape == sound.shape


def test_numbers_as_digits() -> None:
    numbers = torch.tensor([[[0.0, -0.0, 1e-8, 1.5, -3e38, 1e-44]]])
    digits = FloatDigits(1024)
    assert (digits.codes_per_position, digits.codebook_size) == (4, 1024)
    output = digits(numbers)
    assert torch.equal(digits.decode(output.codes), numbers)
    assert torch.equal(digits.decode(output.codes).signbit(), numbers.signbit())
    assert output.codes[0, :, 3].tolist() == [0, 0, 1020, 0]  # 0x3fc00000
    assert torch.equal(digits.decode(digits(numbers.double()).codes), numbers)


@pytest.mark.parametrize("published", sound_zoo.ENCODEC, ids=lambda published: published.name)
@torch.no_grad()
def test_the_published_sizes_are_theirs(published, tmp_path: Path) -> None:
    segmented = published.signals.sample_rate == 48_000
    options = {
        "sampling_rate": 48_000,
        "audio_channels": 2,
        "normalize": True,
        "chunk_length_s": 1.0,
        "overlap": 0.01,
        "norm_type": "time_group_norm",
        "use_causal_conv": False,
        "target_bandwidths": [3.0, 24.0],
    }
    reference = EncodecModel(EncodecConfig(**(options if segmented else {})))
    ours = published.load(saved(reference, tmp_path))
    parameters = sum(parameter.numel() for parameter in reference.parameters())
    assert sum(parameter.numel() for parameter in ours.parameters()) == parameters
    seconds = 1.98 if segmented else 1
    codes = ours.encode(torch.zeros(1, ours.channels, round(seconds * published.signals.sample_rate)))
    assert sum(found.numel() for found in codes) == pytest.approx(
        seconds * published.signals.codes_per_second, rel=0.01
    )


def test_another_network_is_said(tmp_path: Path) -> None:
    path = saved(theirs(WHOLE), tmp_path)
    with pytest.raises(WeightsError, match=r"missing: quantizer\.layers\.4\.codebook\.counts"):
        load_encodec(path, WHOLE, CODES + 1, DIM, CODEBOOK)
    with pytest.raises(WeightsError, match="of another shape: decoder"):
        load_encodec(path, replace(WHOLE, width=8), CODES, DIM, CODEBOOK)
