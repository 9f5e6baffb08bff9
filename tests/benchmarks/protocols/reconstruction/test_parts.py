"""Parts of a pass: joined, stored, read back; what does not fit is no part of it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.metrics.fid import FeatureSums
from benchmarks.protocols.reconstruction.parts import (
    BYTES,
    PICTURES,
    FeatureRows,
    Part,
    PartStore,
    Share,
    join,
    load_part,
)
from storage.checkpoint import CheckpointError, load_tree, save_tree


def part(first: int, count: int = 3) -> Part:
    generator = torch.Generator().manual_seed(first)
    return Part(
        indices=torch.arange(first, first + count),
        per_image={"psnr": torch.rand(count, generator=generator).double()},
        codes=[torch.randint(9, (count, 4), generator=generator)],
        rows=[torch.rand(count, 5, generator=generator) for _ in range(2)],
        kept_indices=torch.arange(first, first + 1),
        kept=[torch.full((1, 3, 2, 2), first, dtype=torch.uint8) for _ in range(2)],
    )


def assert_equal(one: Part, other: Part) -> None:
    for name, value in vars(one).items():
        theirs = getattr(other, name)
        pairs = [(value, theirs)]
        if isinstance(value, dict):
            assert value.keys() == theirs.keys()
            pairs = [(value[key], theirs[key]) for key in value]
        elif isinstance(value, list):
            pairs = list(zip(value, theirs, strict=True))
        assert all(torch.equal(*pair) for pair in pairs), name


def share_with(store: PartStore, count: int) -> Share:
    """A pass that has stored that many parts, its sums going on."""
    share = store.resume()
    for first in range(3 * len(share.parts), 3 * count, 3):
        some = part(first)
        for sums, rows in zip(share.features, some.rows, strict=True):
            sums.update(rows)
        share.latents = share.latents or [FeatureSums.zeros(2)]
        share.latents[0].update(some.rows[0][:, :2])
        share.grids, share.missing = [(2, 2)], {"lpips": "not there"}
        store.add(share, some)
    return share


def test_what_was_stored_is_read_back(tmp_path: Path) -> None:
    share_with(PartStore(tmp_path, "key", 5), 2)
    store = PartStore(tmp_path, "key", 5)
    share = store.resume()
    assert store.pictures == 6
    assert_equal(load_part(share.parts[1]), part(3))
    assert (share.grids, share.missing) == ([(2, 2)], {"lpips": "not there"})
    whole = FeatureSums.zeros(5)
    for first in (0, 3):
        whole.update(part(first).rows[0])
    assert torch.equal(share.features[0].outer, whole.outer)
    assert share.features[0].count == 6
    (latents,) = share.latents
    assert latents.count == 6
    assert torch.equal(latents.outer, whole.outer[:2, :2])
    rows = FeatureRows(share.parts, 1)
    assert len(rows) == 2
    assert torch.equal(rows[1], part(3).rows[1])


def test_a_part_is_due_by_its_pictures_and_by_what_they_hold(tmp_path: Path) -> None:
    store = PartStore(tmp_path, "key", 5)
    large = replace(part(0), kept=[torch.empty(1, 3, 2**10, BYTES // (3 * 2**11), dtype=torch.uint8) for _ in range(2)])
    assert not store.is_due([part(0)])
    assert not store.is_due([large])
    assert store.is_due([large, part(3)] * 2)
    assert store.is_due([part(0, count=PICTURES)])


def test_joined_parts_are_one() -> None:
    whole = join([part(0), part(3)])
    assert whole.indices.tolist() == list(range(6))
    assert torch.equal(whole.rows[1][3:], part(3).rows[1])
    assert whole.kept_indices.tolist() == [0, 3]
    assert join([part(0)]).codes[0].shape == (3, 4)


def test_a_part_without_its_state_had_never_been(tmp_path: Path) -> None:
    store = PartStore(tmp_path, "key", 5)
    share_with(store, 1)
    before = (tmp_path / "0-of-1.safetensors").read_bytes()
    share_with(store, 2)
    (tmp_path / "0-of-1.safetensors").write_bytes(before)
    assert PartStore(tmp_path, "key", 5).pictures == 3


@pytest.mark.parametrize("file", ["0-of-1.safetensors", "0-of-1-00000.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "lost", "other"])
def test_damaged_files_start_anew(tmp_path: Path, file: str, damage: str) -> None:
    share_with(PartStore(tmp_path, "key", 5), 2)
    path = tmp_path / file
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-3] if damage == "cut" else b"something else")
    store = PartStore(tmp_path, "key", 5)
    assert store.pictures == 0
    assert store.resume().parts == []
    share_with(store, 2)
    assert PartStore(tmp_path, "key", 5).pictures == 6


def test_parts_of_a_version_that_kept_less_start_anew(tmp_path: Path) -> None:
    share_with(PartStore(tmp_path, "key", 5), 1)
    state = load_tree(tmp_path / "0-of-1.safetensors")
    del state["latents"]
    save_tree(tmp_path / "0-of-1.safetensors", state)
    store = PartStore(tmp_path, "key", 5)
    assert store.pictures == 0
    assert store.resume().parts == []


def test_another_key_or_number_of_processes_starts_anew(tmp_path: Path) -> None:
    share_with(PartStore(tmp_path, "key", 5), 1)
    assert PartStore(tmp_path, "other", 5).pictures == 0
    assert PartStore(tmp_path, "key", 5, rank=0, world_size=2).pictures == 0
    assert PartStore(tmp_path, "key", 5).pictures == 3


def test_a_part_that_this_machine_does_not_see(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="same --output"):
        load_part(tmp_path / "none.safetensors")
