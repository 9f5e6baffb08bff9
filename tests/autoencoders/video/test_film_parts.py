"""Films part after part: in a stream the whole film, and clips by themselves where there is none."""

from collections.abc import Iterator

import pytest
import torch
from small_films import SMALL, films, tokenizer
from torch import Tensor

from autoencoders.blocks import BlockMean
from autoencoders.extents import encode_any, extended, streams
from autoencoders.film_parts import FilmParts, part_length
from autoencoders.tokenizer import Tokenizer
from quantizers import create_quantizer


def streaming() -> Tokenizer:
    return tokenizer(SMALL, create_quantizer("fsq", bits=8)).eval()


def by_itself() -> Tokenizer:
    """Of codes each of which depends on a whole clip."""
    return tokenizer(SMALL, create_quantizer("multi-scale", bits=8, dim=4)).eval()


def cut(parts: FilmParts, film: Tensor) -> Iterator[Tensor]:
    yield from film.split([*parts.lengths], 2)


@pytest.mark.parametrize("frames", [1, 4, 5, 13, 14])
@torch.no_grad()
def test_a_stream_is_the_whole_film(frames: int) -> None:
    made = streaming()
    film = films(1, frames, 26)[..., :22]
    parts = FilmParts(made, (frames, 26, 22), 4)
    assert [*parts.lengths] == {1: [1], 4: [4], 5: [5], 13: [5, 4, 4], 14: [5, 4, 4, 1]}[frames]
    codes = list(parts.encode(cut(parts, film)))
    whole = extended(made, film)
    assert torch.equal(torch.cat([found for (found,) in codes], 2), made.encode(whole)[0])
    assert [(len(found), [tuple(found.shape[2:])]) for (found,) in codes] == [*parts.shapes]
    decoded = list(parts.decode(codes))
    assert [part.shape[2] for part in decoded] == [*parts.lengths]
    expected = made.decode(made.encode(whole))[:, :, :frames, :26, :22]
    torch.testing.assert_close(torch.cat(decoded, 2), expected)


@torch.no_grad()
def test_what_does_not_stream_takes_clips_by_themselves() -> None:
    made = by_itself()
    assert not streams(made)
    film = films(1, 12, 16)
    parts = FilmParts(made, (12, 16, 16), 5)
    assert [*parts.lengths] == [5, 5, 2]
    codes = list(parts.encode(cut(parts, film)))
    for found, part in zip(codes, film.split([5, 5, 2], 2), strict=True):
        assert torch.equal(found[0], encode_any(made, part)[0])
    assert [(1, [tuple(found.shape[2:])]) for (found,) in codes] == [*parts.shapes]
    decoded = torch.cat(list(parts.decode(codes)), 2)
    assert decoded.shape == film.shape
    torch.testing.assert_close(decoded[:, :, :5], made.decode(codes[0]))


def test_a_part_is_as_long_as_memory_or_as_the_training_says() -> None:
    assert part_length(streaming(), (64, 64), 17) == 2**20 // 64**2
    assert part_length(streaming(), (2160, 3840), 17) == 2
    assert part_length(by_itself(), (64, 64), 17) == 17
    assert part_length(BlockMean((4, 8, 8)), (64, 64), 17) == 20


@pytest.mark.parametrize("length", [0, 3])
def test_a_length_off_the_grid_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=rf"positive multiple of 2 frames, got {length}"):
        FilmParts(streaming(), (9, 16, 16), length)
