"""Sounds of any length as files of codes: what comes back is what the tokenizer makes of them."""

import pytest
import torch
from small_sounds import SMALL, codec, tones

from autoencoders.extents import LARGEST_WHOLE
from benchmarks.protocols.audio.coded import with_whole_strides
from benchmarks.protocols.compression.sounds import SoundCodec
from priors import code_file
from priors.code_file import CodeFileError
from priors.code_models import FixedLength
from quantizers import create_quantizer

RATE = 16_000


def made(backbone: str = "mdct", bits: int = 8) -> SoundCodec:
    return SoundCodec(codec(SMALL[backbone], create_quantizer("fsq", bits=bits)).eval(), FixedLength(), RATE)


@pytest.mark.parametrize("backbone", SMALL)
@pytest.mark.parametrize("samples", [1, 6, 1000])
@torch.no_grad()
def test_any_length_comes_back_as_decoded_and_clamped(backbone: str, samples: int) -> None:
    coder, sound = made(backbone), tones(1, samples)[0]
    whole = with_whole_strides(coder.tokenizer, sound)
    expected = coder.tokenizer.decode(coder.tokenizer.encode(whole))[0, :, :samples].clamp(-1, 1)
    data = coder.encode(sound)
    torch.testing.assert_close(coder.decode(data), expected)
    assert len(data) <= whole.shape[2] / 6 + 16


@torch.no_grad()
def test_a_long_sound_goes_in_pieces_and_comes_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    coder = made("seanet")
    samples = LARGEST_WHOLE + 100_003
    sound = tones(1, samples)[0]
    most = 0
    encode = type(coder.tokenizer).encode

    def watched(tokenizer: torch.nn.Module, signal: torch.Tensor, invariant: bool = False) -> list[torch.Tensor]:
        nonlocal most
        most = max(most, signal.shape[2])
        return encode(tokenizer, signal, invariant)  # type: ignore[arg-type]

    monkeypatch.setattr(type(coder.tokenizer), "encode", watched)
    decoded = coder.decode(coder.encode(sound))
    assert decoded.shape == sound.shape
    assert most < 0.6 * LARGEST_WHOLE
    alone = coder.decode(coder.encode(sound[:, :10_002]))
    torch.testing.assert_close(decoded[:, :10_000], alone[:, :10_000], rtol=0, atol=0.05)


def test_a_sound_too_long_for_a_file_is_refused_before_it_is_coded(monkeypatch: pytest.MonkeyPatch) -> None:
    coder = made()
    monkeypatch.setattr(code_file, "LARGEST", 1000)
    monkeypatch.setattr(coder.tokenizer, "encode", None)
    with pytest.raises(CodeFileError, match=r"a signal of 1001 samples, where 1,000 are the most"):
        coder.encode(tones(1, 1001)[0])


def test_what_is_not_finite_is_no_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    coder = made()
    data = coder.encode(tones(1, 600)[0])
    monkeypatch.setattr(coder.tokenizer, "decode", lambda codes: torch.full((1, 1, 600), torch.nan))
    with pytest.raises(ValueError, match="NaN or infinity"):
        coder.decode(data)
