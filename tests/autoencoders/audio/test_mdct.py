"""The MDCT against its formula, and the tokenizer made of it."""

import math

import numpy as np
import pytest
import torch

from autoencoders.audio.mdct import inverse_mdct, mdct
from benchmarks.protocols.audio.transform import MdctKMeans


@pytest.mark.parametrize(("block", "blocks"), [(2, 1), (2, 5), (8, 1), (8, 2), (320, 7)])
def test_it_is_a_rotation_and_its_inverse_gives_all_back(block: int, blocks: int) -> None:
    signal = torch.randn(3, 2, block * blocks, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    coefficients = mdct(signal, block)
    assert coefficients.shape == (3, 2, blocks, block)
    torch.testing.assert_close(inverse_mdct(coefficients), signal, rtol=0, atol=1e-12)
    torch.testing.assert_close((coefficients**2).sum(), (signal**2).sum())


def test_inner_blocks_are_the_textbook_windowed_sum() -> None:
    block = 16
    signal = np.random.default_rng(0).standard_normal(5 * block)
    found = mdct(torch.tensor(signal), block).numpy()
    n = np.arange(2 * block)
    window = np.sin(math.pi / (2 * block) * (n + 0.5))
    for number in (1, 2, 3):
        part = window * signal[number * block - block // 2 : (number + 1) * block + block // 2]
        for k in range(block):
            basis = np.cos(math.pi / block * (n - block / 2 + 0.5) * (k + 0.5))
            assert found[number, k] == pytest.approx(math.sqrt(2 / block) * part @ basis, abs=1e-12)


def test_a_tone_is_in_few_coefficients() -> None:
    tone = torch.sin(torch.arange(3200) * 0.3)
    power = mdct(tone, 320)[2:-2] ** 2
    assert power.sort(-1, descending=True).values[:, :6].sum() > 0.99 * power.sum()


def fitted(codes: int = 2, size: int = 16, channels: int = 1) -> MdctKMeans:
    torch.manual_seed(0)
    tokenizer = MdctKMeans(channels, 32, size, codes)
    crops = torch.randn(4, channels, 32 * 40, generator=torch.Generator().manual_seed(1)) / 8
    assert tokenizer.fit(iter(crops.split(2))) == 4
    return tokenizer.eval()


def test_more_codebooks_are_nearer_and_cost_their_bits() -> None:
    sound = torch.randn(1, 1, 320, generator=torch.Generator().manual_seed(2)) / 8
    errors = []
    for codes in (1, 2, 4):
        tokenizer = fitted(codes)
        (found,) = tokenizer.encode(sound)
        assert found.shape == (1, codes, 10)
        assert tokenizer.quantizer.bits_per_position == 4 * codes
        errors.append((tokenizer.decode([found]) - sound).square().mean().item())
        torch.testing.assert_close(tokenizer(sound).reconstruction, tokenizer.decode([found]))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < sound.square().mean()


def test_stereo_is_coded_as_stereo() -> None:
    tokenizer = fitted(channels=2)
    sound = torch.randn(2, 2, 320) / 8
    assert tokenizer.quantizer.dim == 64
    assert tokenizer(sound).reconstruction.shape == sound.shape
    exact = tokenizer.from_latent(tokenizer.latent(sound))
    torch.testing.assert_close(exact, sound, rtol=0, atol=1e-6)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="no sound"):
        MdctKMeans(1, 32, 16, 2).fit([])
    with pytest.raises(ValueError, match="stride must be even"):
        MdctKMeans(1, 33, 16, 2)
    with pytest.raises(ValueError, match="multiples of the strides"):
        fitted().encode(torch.zeros(1, 1, 33))
