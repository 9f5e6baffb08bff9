"""The tokenizer that is k-means of a transform."""

import pytest
import torch

from benchmarks.protocols.audio.transform import MdctKMeans


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
