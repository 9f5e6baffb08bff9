"""A file of a film's codes: it comes back part after part, or is refused in a sentence."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from small_films import SMALL, films, tokenizer
from small_priors import make

from autoencoders.film_parts import Codes, FilmParts
from autoencoders.tokenizer import Tokenizer
from priors import CodeLayout, code_file, film_code_file
from priors.code_file import CodeFileError, CodeFiles
from priors.code_models import CodeModel, CodePrior, FixedLength, Histogram
from priors.film_code_file import FilmCodeFiles, FilmHead
from quantizers import create_quantizer

EXTENT = (12, 17, 30)
NTSC = Fraction(30_000, 1_001)


def made() -> Tokenizer:
    return tokenizer(SMALL, create_quantizer("fsq", bits=8)).float().eval()


def models_of(tokenizer: Tokenizer) -> dict[str, CodeModel]:
    counts = np.random.default_rng(0).integers(0, 9, (1, tokenizer.quantizers[0].codebook_size))
    gpt = make("gpt", CodeLayout.of(tokenizer, (5, 16, 16)))
    return {"fixed": FixedLength(), "histogram": Histogram(counts), "prior": CodePrior(gpt)}


def codes_of(tokenizer: Tokenizer, part: int = 4) -> list[Codes]:
    parts = FilmParts(tokenizer, EXTENT, part)
    film = films(1, EXTENT[0], 30)[:, :, :, :17].float()
    return list(parts.encode(film.split([*parts.lengths], 2)))


@pytest.mark.parametrize("name", ["fixed", "histogram", "prior"])
def test_a_film_comes_back_part_after_part(name: str) -> None:
    tokenizer = made()
    files = FilmCodeFiles(tokenizer, models_of(tokenizer)[name])
    head, codes = FilmHead(EXTENT, 4, NTSC), codes_of(tokenizer)
    data = files.write(head, codes)
    found, back = files.read(data)
    assert found == head
    for (one,), (other,) in zip(codes, back, strict=True):
        assert torch.equal(one, other)
    assert files.write(head, iter(codes)) == data


def test_parts_are_read_as_they_are_asked_for() -> None:
    tokenizer = made()
    model = FixedLength()
    files, calls = FilmCodeFiles(tokenizer, model), 0
    data = files.write(FilmHead(EXTENT, 4, NTSC), codes_of(tokenizer))
    code = model.code

    def counted(*given):
        nonlocal calls
        calls += 1
        return code(*given)

    model.code = counted  # type: ignore[method-assign]
    _, back = files.read(data)
    assert calls == 0
    next(back)
    assert calls == 1


def test_every_cut_and_every_changed_bit_is_refused() -> None:
    tokenizer = made()
    files = FilmCodeFiles(tokenizer, FixedLength())
    data = files.write(FilmHead(EXTENT, 4, NTSC), codes_of(tokenizer))
    for length in range(len(data)):
        with pytest.raises(CodeFileError):
            files.read(data[:length])
    for place in range(8 * 24):
        altered = bytearray(data)
        altered[place // 8] ^= 1 << place % 8
        with pytest.raises(CodeFileError):
            files.read(bytes(altered))


def test_a_picture_is_no_film_of_the_same_tokenizer() -> None:
    tokenizer = made()
    data = CodeFiles(tokenizer, FixedLength()).write(
        code_file.Signal(tokenizer.encode(films(1, 5, 16).float()), (5, 16, 16))
    )
    with pytest.raises(CodeFileError):
        FilmCodeFiles(tokenizer, FixedLength()).read(data)


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        (((0, 16, 16), 4, 12, 1), "a film of 0 × 16 × 16 samples"),
        (((2**34, 2**4, 2**4), 4, 12, 1), "samples, where 1,099,511,627,776 are the most"),
        (((2**20, 2**9, 2**9), 2**20, 12, 1), "where 268,435,456 are the most"),
        (((12, 16, 16), 0, 12, 1), "cut or altered"),
        (((12, 16, 16), 3, 12, 1), "cut or altered"),
        (((12, 16, 16), 4, 0, 1), "cut or altered"),
        (((12, 16, 16), 4, 12, 0), "cut or altered"),
        (((12, 16, 16), 4, 2**31, 1), "cut or altered"),
    ],
)
def test_a_head_that_cannot_be_is_refused_before_anything_is_decoded(head: tuple, sentence: str) -> None:
    extent, *others = head
    files = FilmCodeFiles(made(), FixedLength())
    with pytest.raises(CodeFileError, match=sentence):
        files.read(files.seal((*extent, *others), 0, b""))


def test_codes_that_come_out_otherwise_are_refused_at_their_part(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = made()
    files = FilmCodeFiles(tokenizer, FixedLength())
    data = files.write(FilmHead(EXTENT, 4, NTSC), codes_of(tokenizer))
    exact = film_code_file.check
    monkeypatch.setattr(film_code_file, "check", lambda codes: exact(codes) ^ 1)
    _, back = files.read(data)
    with pytest.raises(CodeFileError, match="computes other probabilities"):
        next(back)
