"""The order in which a prior sees the codes of a token set."""

from pathlib import Path

import pytest
import torch
from token_sets import random_codes, some_contents, write

from benchmarks.protocols.generation.codes import CodeBatch, in_order
from benchmarks.training.codes import shuffled
from benchmarks.training.settings import TrainConfig
from priors import CodeLayout
from priors.token_set import TokenSet

CONTENTS = some_contents(maps=("codes",), grids=((2, 2),), codes_per_position=1)
LAYOUT = CodeLayout(CONTENTS.grids, 1, CONTENTS.codebook_size)
COUNT = 50
TRAIN = TrainConfig(images=120, batch_size=8)  # 15 steps, 2.4 epochs; batches lie across the epochs' ends


@pytest.fixture
def codes(tmp_path: Path) -> TokenSet:
    return write(tmp_path / "set", CONTENTS, COUNT, batch=7, shard_pictures=15)


@pytest.fixture
def known() -> dict[tuple[int, ...], tuple[int, int]]:
    """A picture's codes -> its number and label."""
    (of,), labels, _ = random_codes(CONTENTS, COUNT)
    return {tuple(row): (place, int(labels[place])) for place, row in enumerate(of.flatten(1).tolist())}


def pictures(batches: list[CodeBatch], known: dict[tuple[int, ...], tuple[int, int]]) -> list[int]:
    """The numbers of the pictures in batches, each having its label."""
    found = []
    for tokens, labels in batches:
        for row, label in zip(tokens.flatten(1).tolist(), labels.tolist(), strict=True):
            place, expected = known[tuple(row)]
            assert label == expected
            found.append(place)
    return found


def test_each_picture_once_in_an_epoch_and_each_epoch_in_an_order_of_its_own(codes: TokenSet, known) -> None:
    seen = pictures(list(shuffled(codes, LAYOUT, TRAIN, 0, 0, 0, 1)), known)
    assert len(seen) == 120
    first, second = seen[:COUNT], seen[COUNT : 2 * COUNT]
    assert sorted(first) == sorted(second) == list(range(COUNT))
    assert len({tuple(first), tuple(second), tuple(range(COUNT))}) == 3
    other = pictures(list(shuffled(codes, LAYOUT, TRAIN, 1, 0, 0, 1)), known)
    assert other[:COUNT] != first


def test_processes_share_the_batches_out_and_a_later_start_goes_on(codes: TokenSet, known) -> None:
    whole = list(shuffled(codes, LAYOUT, TRAIN, 0, 0, 0, 1))
    ranks = [list(shuffled(codes, LAYOUT, TRAIN, 0, 0, rank, 2)) for rank in range(2)]
    for all_of_it, *shares in zip(whole, *ranks, strict=True):
        assert all(len(share.tokens) == 4 for share in shares)
        assert sorted(pictures(shares, known)) == sorted(pictures([all_of_it], known))
    for later, expected in zip(shuffled(codes, LAYOUT, TRAIN, 0, 9, 0, 1), whole[9:], strict=True):
        assert torch.equal(later.tokens, expected.tokens)


def test_in_order_all_of_them(codes: TokenSet, known) -> None:
    assert pictures(list(in_order(codes, LAYOUT, 8)), known) == list(range(COUNT))
