"""Places and the sums of a position's vectors."""

import torch

from priors import CodeLayout, GPTConfig
from priors.attention import rotate
from priors.embedding import SequenceInput, SlotTable, rotations

TWO = CodeLayout(((1, 2), (2, 4)), 1, 5)


def test_rotation_makes_products_depend_on_distance_alone() -> None:
    turns = rotations(CodeLayout(((5, 5),), 1, 5), 8)
    q, k = torch.randn(2, 8).unbind()

    def product(of: int, other: int) -> torch.Tensor:
        turned = [rotate(x.view(1, 1, 1, 8), turns[:, step : step + 1]).flatten() for x, step in ((q, of), (k, other))]
        return turned[0] @ turned[1]

    # step 1 + 5 row + column, after the start
    torch.testing.assert_close(product(1, 1 + 5 * 1 + 2), product(1 + 5 * 2 + 1, 1 + 5 * 3 + 3), rtol=1e-4, atol=1e-5)
    assert (product(1, 3) - product(1, 2)).abs() > 1e-3
    assert (product(1, 1 + 5) - product(1, 2)).abs() > 1e-3  # down is not right
    # the start is above and left of the first
    torch.testing.assert_close(product(0, 1), product(1, 1 + 5 + 1), rtol=1e-4, atol=1e-5)


def test_what_lies_over_each_other_in_two_maps_is_at_the_same_place() -> None:
    turns = rotations(TWO, 8)
    assert turns.shape == (2, 1 + 2 + 8, 4)
    top, bottom = turns[:, 1:3], turns[:, 3:].view(2, 2, 4, 4)
    angles = torch.atan2(top[1], top[0])
    torch.testing.assert_close(angles[0, [0, 2]], torch.tensor([0.5, 0.5]))  # between rows 0 and 1, columns 0 and 1
    torch.testing.assert_close(angles[1, [0, 2]], torch.tensor([0.5, 2.5]))
    torch.testing.assert_close(torch.atan2(bottom[1, 1, 2], bottom[0, 1, 2])[[0, 2]], torch.tensor([1.0, 2.0]))


def test_flattened_tokens_share_a_place() -> None:
    turns = rotations(CodeLayout(((2,),), 3, 5, flatten=True), 4)
    assert turns.shape == (2, 7, 2)
    assert torch.equal(turns[:, 1], turns[:, 3])
    assert not torch.equal(turns[:, 3], turns[:, 4])


def test_every_slot_has_vectors_of_its_own() -> None:
    table = SlotTable(3, 5, 2)
    tokens = torch.randint(5, (2, 4, 3))
    by_hand = torch.stack([table.weight[slot][tokens[..., slot]] for slot in range(3)], 2)
    assert torch.equal(table.embed(tokens), by_hand)
    assert torch.equal(table.embed_slot(tokens[:, 0, 1], 1), by_hand[:, 0, 1])
    x = torch.randn(2, 4, 3, 2)
    logits = torch.stack([x[:, :, slot] @ table.weight[slot].T for slot in range(3)], 2)
    torch.testing.assert_close(table.logits(x), logits)
    torch.testing.assert_close(table.slot_logits(x[:, 0, 2], 2), logits[:, 0, 2])


def test_a_step_is_the_sum_of_its_vectors_and_its_place() -> None:
    config = GPTConfig(width=4, heads=1, dropout=0.0)
    for layout in (CodeLayout(((1,), (2,)), 2, 5), CodeLayout(((1,), (2,)), 2, 5, flatten=True)):
        made = SequenceInput(config, layout, 5, 2)
        tokens = torch.randint(5, (2, 3, 2))
        x = made(made.embed(tokens), torch.tensor([1, 2]))
        assert torch.equal(x[:, 0], made.starts[1:])
        vectors = made.tokens.embed(tokens)
        if layout.flatten:
            second = vectors[:, 1, 0] + made.table[1] + made.slots[0]
            torch.testing.assert_close(x[:, 1 + 2], second)
        else:
            torch.testing.assert_close(x[:, 1 + 1], vectors[:, 1].sum(1) + made.table[1])
        assert x.shape[1] == 1 + layout.steps


def test_rotary_places_tell_the_maps_apart() -> None:
    made = SequenceInput(GPTConfig(width=8, heads=1, rotary=True), TWO, 5, 0)
    assert torch.equal(made.places()[:2], made.table[:1].expand(2, -1))
    assert torch.equal(made.places()[2:], made.table[1:].expand(8, -1))
