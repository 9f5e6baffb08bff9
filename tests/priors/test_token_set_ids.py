"""Ids for a language model, against a plain loop."""

import pytest
import torch
from token_sets import make, random_codes, some_contents

from priors.image_ids import ImageIds
from priors.token_set import TokenSet


def by_hand(codes: list[torch.Tensor], picture: int, codebook_size: int, offset: int) -> list[int]:
    sequence = [offset + 4 * codebook_size]
    for number, of in enumerate(codes):
        _, slots, height, width = of.shape
        for row in range(height):
            for column in range(width):
                for slot in range(slots):
                    first = offset + (number * slots + slot) * codebook_size
                    sequence.append(first + int(of[picture, slot, row, column]))
    return [*sequence, offset + 4 * codebook_size + 1]


@pytest.mark.parametrize("offset", [0, 32_000])
def test_ids_are_begin_codes_end(offset: int) -> None:
    contents = some_contents(id_offset=offset)
    codes, _, _ = random_codes(contents, 3)
    ids = contents.ids.as_ids(codes)
    assert ids.dtype == torch.int64
    assert ids.tolist() == [by_hand(codes, picture, 40_000, offset) for picture in range(3)]
    for back, of in zip(contents.ids.as_codes(ids), codes, strict=True):
        assert torch.equal(back, of)


def test_slots_and_maps_have_ids_of_their_own() -> None:
    ids = ImageIds(((1,), (1,)), 2, 3)
    zeros = [torch.zeros(1, 2, 1, dtype=torch.int64)] * 2
    assert ids.as_ids(zeros).tolist() == [[12, 0, 3, 6, 9, 13]]
    assert (ids.begin, ids.end, ids.length) == (12, 13, 6)


def test_a_token_set_gives_ids_from_its_own_offset_or_another(tmp_path) -> None:
    tokens = TokenSet.open(make(tmp_path / "set"))
    codes = tokens.codes([1, 2])
    assert tokens.as_ids(codes).min() >= 100
    assert torch.equal(tokens.as_ids(codes, 7), tokens.as_ids(codes) - 93)


def test_bad_maps_and_ids_are_refused() -> None:
    ids = ImageIds(((2, 2),), 1, 5, id_offset=10)
    for codes in ([], [torch.zeros(1, 1, 2, 3)], [torch.zeros(1, 2, 2, 2)], [torch.zeros(1, 1, 2, 2)] * 2):
        with pytest.raises(ValueError, match="expected code maps of the shapes"):
            ids.as_ids(codes)
    for code in (-1, 5):
        with pytest.raises(ValueError, match=r"must lie in \[0, 5\)"):
            ids.as_ids([torch.full((1, 1, 2, 2), code)])
    right = [15, 10, 11, 12, 14, 16]
    for place, wrong, message in (
        (0, 10, "begin with 15"),
        (5, 15, "end with 16"),
        (1, 9, "lie in"),
        (1, 15, "lie in"),
    ):
        with pytest.raises(ValueError, match=message):
            ids.as_codes(torch.tensor([[*right[:place], wrong, *right[place + 1 :]]]))
    with pytest.raises(ValueError, match="has 6 ids"):
        ids.as_codes(torch.tensor([right[:-1]]))
    for offset in (-1, 0.5, True):
        with pytest.raises(ValueError, match="id_offset"):
            ImageIds(((2,),), 1, 5, offset)
    with pytest.raises(ValueError, match="int64"):
        ImageIds(((2,),), 4, 2**61)


def test_ids_of_several_lengths_and_back() -> None:
    ids = ImageIds(((None,),), 3, 10, 5)
    assert ids.length is None
    for positions in (1, 4):
        codes = torch.randint(10, (2, 3, positions), generator=torch.Generator().manual_seed(0))
        found = ids.as_ids([codes])
        assert found.shape == (2, 2 + 3 * positions)
        assert torch.equal(ids.as_codes(found)[0], codes)
    with pytest.raises(ValueError, match="whole positions of ids"):
        ids.as_codes(found[:, 1:])
    with pytest.raises(ValueError, match="expected code maps"):
        ids.as_ids([codes.flatten(1)])
