"""Mimi beside transformers' `MimiModel`, with the same random weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from random_codecs import randomize, saved
from torch import Tensor
from transformers import MimiConfig as TheirConfig, MimiModel

from autoencoders import reset
from autoencoders.pretrained import WeightsError, load_mimi, sound_zoo
from autoencoders.pretrained.mimi import Mimi
from autoencoders.pretrained.sizes import MIMI_SEANET, MimiConfig

SMALL = MimiConfig(
    seanet=replace(MIMI_SEANET, width=4, strides=(2, 3)),
    dim=16,
    layers=2,
    heads=4,
    hidden_dim=24,
    context=5,
    codes_per_position=4,
    codebook_size=16,
    codebook_dim=8,
)
STRIDE = SMALL.stride


def theirs(config: MimiConfig) -> MimiModel:
    return MimiModel(
        TheirConfig(
            # half as many positions of codes as of the network: 24 kHz at the published strides
            sampling_rate=25 * config.seanet.stride,
            hidden_size=config.dim,
            num_filters=config.seanet.width,
            upsampling_ratios=list(config.seanet.strides[::-1]),
            codebook_size=config.codebook_size,
            codebook_dim=config.codebook_dim,
            vector_quantization_hidden_dimension=config.codebook_dim,
            num_quantizers=config.codes_per_position,
            upsample_groups=config.dim,
            num_hidden_layers=config.layers,
            intermediate_size=config.hidden_dim,
            num_attention_heads=config.heads,
            num_key_value_heads=config.heads,
            sliding_window=config.context,
        )
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[MimiModel, Mimi]:
    reference = randomize(theirs(SMALL))
    # a code that was never used is divided by the smallest count
    reference.quantizer.acoustic_residual_vector_quantizer.layers[0].codebook.cluster_usage[0] = 0
    return reference, load_mimi(saved(reference, tmp_path_factory.mktemp("mimi")), SMALL)


@pytest.fixture
def sounds() -> Tensor:
    """Of many more positions than one attends to."""
    return torch.randn(2, 1, 20 * STRIDE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("samples", [20 * STRIDE, 19 * STRIDE + 1, 19 * STRIDE + 7, STRIDE, 1])
@torch.no_grad()
def test_latents_codes_and_sounds_are_theirs(both: tuple[MimiModel, Mimi], sounds: Tensor, samples: int) -> None:
    reference, ours = both
    sounds = sounds[..., :samples]
    encoded = reference.encode(sounds)
    latent = ours.encoder(sounds)
    found = ours.quantizer(latent).codes
    assert torch.equal(found, encoded.audio_codes)
    assert found.shape[1:] == (4, -(-samples // STRIDE))
    assert found.unique().numel() > (8 if samples > STRIDE else 1)
    decoded = reference.decode(found).audio_values
    torch.testing.assert_close(ours.decode([found]), decoded, rtol=1e-5, atol=5e-5)  # sums in float32, by processor
    assert decoded.shape[-1] == -(-samples // STRIDE) * STRIDE
    assert decoded.std() > 0.01
    if samples % STRIDE == 0:
        assert torch.equal(ours.encode(sounds)[0], found)


@torch.no_grad()
def test_latents_are_theirs(both: tuple[MimiModel, Mimi], sounds: Tensor) -> None:
    reference, ours = both
    torch.testing.assert_close(ours.latent(sounds), reference.encoder(sounds).latents, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_silence_after_a_sound_changes_only_its_last_position(both: tuple[MimiModel, Mimi], sounds: Tensor) -> None:
    """Of a length off the grid theirs has zeros in every layer."""
    reference, ours = both
    sounds = sounds[..., : -STRIDE + 3]
    padded, latent = ours.latent(F.pad(sounds, (0, STRIDE - 3))), reference.encoder(sounds).latents
    torch.testing.assert_close(padded[..., :-1], latent[..., :-1], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(padded[..., -1], latent[..., -1], rtol=0, atol=0.01)


@pytest.mark.parametrize("codes", [1, 2, 3, 4])
@torch.no_grad()
def test_fewer_codes_are_theirs(both: tuple[MimiModel, Mimi], sounds: Tensor, codes: int) -> None:
    reference, ours = both
    fewer = ours.quantizer.truncated(codes)
    expected = reference.encode(sounds, num_quantizers=codes).audio_codes
    output = fewer(ours.latent(sounds))
    assert torch.equal(output.codes, expected)
    torch.testing.assert_close(fewer.decode(expected), reference.quantizer.decode(expected), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(output.quantized, fewer.decode(expected), rtol=0, atol=1e-6)
    assert ours.quantizer.codes_per_position == 4


@torch.no_grad()
def test_chunks_are_the_whole(both: tuple[MimiModel, Mimi], sounds: Tensor) -> None:
    _, ours = both
    (whole,) = ours.encode(sounds)
    sizes = [1, 2, 7, 3, 6, 1]  # longer than the context, and shorter
    state, codes = ours.encoder_state(2), []
    for chunk in sounds.split([size * STRIDE for size in sizes], -1):
        (found,), state = ours.encode_chunk(chunk, state)
        codes.append(found)
    assert torch.equal(torch.cat(codes, -1), whole)
    state, parts = ours.decoder_state(2), []
    for chunk in whole.split(sizes, -1):
        part, state = ours.decode_chunk([chunk], state)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, -1), ours.decode([whole]), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_one_of_a_batch_starts_again(both: tuple[MimiModel, Mimi], sounds: Tensor) -> None:
    _, ours = both
    first, second = sounds.chunk(2, -1)
    _, state = ours.encode_chunk(first, ours.encoder_state(2))
    (codes,), _ = ours.encode_chunk(second, reset(state, torch.tensor([True, False])))
    assert torch.equal(codes[:1], ours.encode(second[:1])[0])
    assert torch.equal(codes[1:], ours.encode(sounds[1:])[0][..., 10:])


@pytest.mark.slow
@torch.no_grad()
def test_the_published_sizes_are_theirs(tmp_path: Path) -> None:
    (published,) = sound_zoo.MIMI
    reference = theirs(MimiConfig())
    reference.save_pretrained(tmp_path)
    ours = published.load(tmp_path / "model.safetensors")
    assert sum(of.numel() for of in ours.parameters()) == sum(of.numel() for of in reference.parameters())
    (codes,) = ours.encode(torch.zeros(1, 1, 2 * published.signals.sample_rate))
    assert codes.numel() == 2 * published.signals.codes_per_second


def test_another_network_is_said(tmp_path: Path) -> None:
    path = saved(theirs(SMALL), tmp_path)
    with pytest.raises(WeightsError, match=r"missing: .*transformer\.layers\.2\."):
        load_mimi(path, replace(SMALL, layers=3))
    with pytest.raises(WeightsError, match=r"unexpected: quantizer\.acoustic\.quantizer\.layers\.2\."):
        load_mimi(path, replace(SMALL, codes_per_position=3))
