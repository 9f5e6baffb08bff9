"""Checkpoints: everything comes back as it was, and a file is whole or not there."""

from pathlib import Path

import pytest
import torch

from storage.checkpoint import CheckpointError, load_tree, save_tree


def test_a_tree_comes_back_as_it_was(tmp_path: Path) -> None:
    shared = torch.arange(6.0)
    tree = {
        "tensors": [shared, shared[2:], shared.view(2, 3).t(), torch.tensor(3, dtype=torch.int64), torch.zeros(0)],
        "bf16": torch.tensor([1.5], dtype=torch.bfloat16),
        "plain": {"step": 3, "rate": 0.1, "none": None, "flag": True, "text": "x", "nan": float("nan")},
        5: {7: "integer keys stay integers"},
    }
    save_tree(tmp_path / "state.safetensors", tree)
    back = load_tree(tmp_path / "state.safetensors")
    for before, after in zip(tree["tensors"], back["tensors"], strict=True):
        assert torch.equal(before, after)
        assert before.dtype == after.dtype
    assert torch.equal(back["bf16"], tree["bf16"])
    assert back["plain"].pop("nan") != 0
    tree["plain"].pop("nan")
    assert back["plain"] == tree["plain"]
    assert back[5] == {7: "integer keys stay integers"}


def test_adam_goes_on_from_its_saved_state(tmp_path: Path) -> None:
    def steps(weight: torch.nn.Parameter, optimizer: torch.optim.Adam, count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            (weight**2).sum().backward()
            optimizer.step()

    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([weight], lr=0.1)
    steps(weight, optimizer, 3)
    save_tree(tmp_path / "adam", {"weight": weight, "adam": optimizer.state_dict()})
    steps(weight, optimizer, 3)

    tree = load_tree(tmp_path / "adam")
    resumed = torch.nn.Parameter(tree["weight"].clone())
    other = torch.optim.Adam([resumed], lr=0.5)
    other.load_state_dict(tree["adam"])
    steps(resumed, other, 3)
    assert torch.equal(weight, resumed)


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty"])
def test_a_damaged_file_is_refused_with_a_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "state.safetensors"
    save_tree(path, {"x": torch.ones(100)})
    whole = path.read_bytes()
    path.write_bytes({"truncated": whole[: len(whole) // 2], "garbage": b"\x00" * 64, "empty": b""}[damage])
    with pytest.raises(CheckpointError, match="delete it to start"):
        load_tree(path)
