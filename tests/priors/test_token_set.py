"""Codes come back as they were, in any order and from any number of shards; a killed writer goes on."""

import hashlib
import json
import os
import pickle
import stat
import sys
from pathlib import Path
from typing import get_args

import pytest
import torch
from killed import kill_at_call
from safetensors.torch import load_file
from token_sets import batches, make, random_codes, some_contents, write

from priors.token_index import ShardFormat, TokenSetError
from priors.token_set import TokenSet
from priors.token_writer import TokenSetWriter

FORMATS = get_args(ShardFormat)


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


@pytest.mark.parametrize("shard_format", FORMATS)
def test_codes_labels_and_names_come_back(tmp_path: Path, shard_format: ShardFormat) -> None:
    tokens = TokenSet.open(make(tmp_path / "set", shard_format), "f" * 64)
    tokens.verify()
    codes, labels, names = random_codes(some_contents(), 50)
    assert len(tokens) == 50
    order = torch.randperm(50, generator=torch.Generator().manual_seed(1))
    for indices in (torch.arange(50), order, order[:3], torch.tensor([49, 0, 49, 15, 14]), order[:0]):
        for found, expected in zip(tokens.codes(indices), codes, strict=True):
            assert found.dtype == torch.int64
            assert torch.equal(found, expected[indices])
        assert torch.equal(tokens.labels(indices), labels[indices])
        assert tokens.names(indices) == [names[index] for index in indices]
    assert torch.equal(tokens.codes([7, 48])[1], codes[1][[7, 48]])


def test_a_mask_and_lists_of_integers_also_of_numpy(tmp_path: Path) -> None:
    tokens = TokenSet.open(make(tmp_path / "set"))
    codes, labels, names = random_codes(some_contents(), 50)
    mask = labels == 1
    rows = mask.nonzero()[:, 0]
    for indices in (mask, mask.tolist(), rows, rows.int(), rows.tolist(), list(rows.numpy())):
        assert all(torch.equal(*pair) for pair in zip(tokens.codes(indices), (of[mask] for of in codes), strict=True))
        assert torch.equal(tokens.labels(indices), labels[mask])
        assert tokens.names(indices) == [names[row] for row in rows]
    assert tokens.names([]) == []
    assert tokens.names(range(48, 50)) == names[48:]


@pytest.mark.parametrize(
    ("indices", "said"),
    [
        ([1.9], "must be integers, got torch.float32"),
        (torch.tensor([1.0]), "must be integers, got torch.float32"),
        (torch.tensor([1j]), "must be integers, got torch.complex64"),
        ([True, False], "50 pictures, got a mask of 2"),
        (torch.ones(51, dtype=torch.bool), "50 pictures, got a mask of 51"),
        (3, "by a list of numbers, got 3"),
        (torch.ones(50, 1, dtype=torch.bool), "by a list of numbers"),
        ([-1], "pictures 0 to 49"),
    ],
)
def test_bad_indices(indices: object, said: str, tmp_path: Path) -> None:
    tokens = TokenSet.open(make(tmp_path / "set"))
    for call in (tokens.codes, tokens.labels, tokens.names):
        with pytest.raises(IndexError, match=said):
            call(indices)


def test_bad_codes_and_labels_are_not_rounded(tmp_path: Path) -> None:
    contents = some_contents()
    codes, labels, names = random_codes(contents, 5)
    writer = TokenSetWriter(tmp_path, contents, 5)
    with pytest.raises(ValueError, match="codes must be integers, got"):
        writer.write(0, [([of.float() for of in codes], labels, names)])
    with pytest.raises(ValueError, match="labels must be integers, got"):
        writer.write(0, [(codes, [1.9] * 5, names)])
    with pytest.raises(ValueError, match="codes must be integers"):
        contents.ids.as_ids([of.double() for of in codes])
    writer.write(0, [(codes, labels.tolist(), names)])
    assert torch.equal(writer.finish().labels(range(5)), labels)


def test_batches_are_all_in_order(tmp_path: Path) -> None:
    codes, labels, _ = random_codes(some_contents(), 50)
    batches = list(TokenSet.open(make(tmp_path / "set")).batches(8))
    assert [len(of) for _, of in batches] == [8] * 6 + [2]
    for number, expected in enumerate(codes):
        assert torch.equal(torch.cat([of[number] for of, _ in batches]), expected)
    assert torch.equal(torch.cat([of for _, of in batches]), labels)


@pytest.mark.parametrize(
    ("codebook_size", "dtype"),
    [
        (2, torch.int16),
        (2**15, torch.int16),
        (2**15 + 1, torch.int32),
        (2**31, torch.int32),
        (2**31 + 1, torch.int64),
        (2**48, torch.int64),
    ],
)
def test_the_smallest_integers_hold_the_largest_code(codebook_size: int, dtype: torch.dtype, tmp_path: Path) -> None:
    contents = some_contents(codebook_size=codebook_size, maps=("codes",), grids=((5,),), classes=())
    writer = TokenSetWriter(tmp_path / "set", contents, 1)
    largest = torch.full((1, 2, 5), codebook_size - 1)
    writer.write(0, [([largest], None, ["a"])])
    tokens = writer.finish()
    assert load_file(tmp_path / "set" / "codes-00000.safetensors")["codes.codes"].dtype == dtype
    assert torch.equal(tokens.codes([0])[0], largest)
    assert tokens.labels([0]) is None


def test_the_files_are_as_their_format_says(tmp_path: Path) -> None:
    """Read without this project's reader."""
    folder = make(tmp_path / "set")
    index = json.loads((folder / "index.json").read_text())
    assert {name: index[name] for name in ("format", "format_version", "count", "dtype")} == {
        "format": "quantizer-zoo-benchmark/token-set",
        "format_version": 1,
        "count": 50,
        "dtype": "int32",
    }
    assert index["maps"] == [{"name": "top", "grid": [2, 3]}, {"name": "bottom", "grid": [4, 6]}]
    assert index["ids"] == {
        "id_offset": 100,
        "begin_of_image": 100 + 4 * 40_000,
        "end_of_image": 101 + 4 * 40_000,
        "ids_per_image": 2 + 2 * 6 + 2 * 24,
    }
    assert [shard["count"] for shard in index["shards"]] == [15, 15, 15, 5]
    for shard in index["shards"]:
        content = (folder / shard["file"]).read_bytes()
        assert len(content) == shard["bytes"]
        assert hashlib.sha256(content).hexdigest() == shard["sha256"]
    read = [load_file(folder / shard["file"]) for shard in index["shards"]]
    codes, labels, _ = random_codes(some_contents(), 50)
    assert torch.equal(torch.cat([of["codes.top"] for of in read]).long(), codes[0])
    assert torch.equal(torch.cat([of["codes.bottom"] for of in read]).long(), codes[1])
    assert torch.equal(torch.cat([of["labels"] for of in read]).long(), labels)
    assert sorted(digests(folder)) == [*(f"codes-0000{number}.safetensors" for number in range(4)), "index.json"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a fork of this process")
def test_a_killed_writer_goes_on_and_ends_in_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third file is written, but does not have its name yet."""
    contents = some_contents()
    kill_at_call(
        monkeypatch,
        os,
        "fsync",
        3,
        lambda: write(tmp_path / "killed", contents, 50, 5, shard_pictures=15),
    )
    left = sorted(file.name for file in (tmp_path / "killed").iterdir())
    assert left[1:] == ["codes-00000.safetensors", "codes-00001.safetensors"]
    assert left[0].startswith(".codes-00002.safetensors.")
    with pytest.raises(ValueError, match="not finished"):
        TokenSet.open(tmp_path / "killed")
    assert TokenSetWriter(tmp_path / "killed", some_contents(), 50, 15).prepare() == [2, 3]
    write(tmp_path / "killed", some_contents(), 50, batch=5, shard_pictures=15)
    assert digests(tmp_path / "killed") == digests(make(tmp_path / "set"))


@pytest.mark.parametrize("shard_format", FORMATS)
def test_what_lacks_of_an_unfinished_set_is_made_whoever_made_the_rest(
    tmp_path: Path, shard_format: ShardFormat
) -> None:
    """A damaged shard is, and one that another division made."""
    folder, whole = make(tmp_path / "set", shard_format), digests(make(tmp_path / "other", shard_format))
    (folder / "index.json").unlink()
    paths = sorted(folder.iterdir())
    content = paths[1].read_bytes()
    paths[1].write_bytes(content[: len(content) // 2])
    paths[0].unlink()
    writer = TokenSetWriter(folder, some_contents(), 50, 15, shard_format)
    assert writer.prepare() == [0, 1]
    assert not paths[1].exists()
    other = TokenSetWriter(folder, some_contents(), 50, 16, shard_format)
    other.write(1, batches(some_contents(), 50, other.places(1), 9))
    assert writer.prepare() == [0, 1]
    with pytest.raises(TokenSetError, match=r"codes-00000.* is missing; the command that makes"):
        writer.finish()
    for number in (1, 0):
        writer.write(number, batches(some_contents(), 50, writer.places(number), 4))
    assert writer.prepare() == []
    writer.finish().verify()
    assert digests(folder) == whole


def test_a_writer_is_sent_to_another_process(tmp_path: Path) -> None:
    writer = TokenSetWriter(tmp_path / "set", some_contents(), 50, 15)
    assert writer.prepare() == [0, 1, 2, 3]
    elsewhere = pickle.loads(pickle.dumps(writer))
    for number in (3, 1, 0, 2):
        elsewhere.write(number, batches(some_contents(), 50, elsewhere.places(number), 7))
    writer.finish()
    assert digests(tmp_path / "set") == digests(make(tmp_path / "other"))


def test_the_files_can_be_read_by_whom_the_folders_can(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        folder = make(tmp_path / "set")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o644}


def test_a_finished_set_is_not_written_again(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    before = digests(folder)
    writer = TokenSetWriter(folder, some_contents(), 50, 15)
    assert writer.is_finished
    assert writer.prepare() == []
    writer.finish()
    assert digests(folder) == before


def anonymous_memory() -> int:
    """Bytes of physical memory that are no file's."""
    return 1024 * int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much of a process's memory is a file's")
def test_memory_does_not_grow_with_the_set(tmp_path: Path) -> None:
    """20 MB of codes, of which a set that kept them, or read shards into memory, would take half at least."""
    contents = some_contents(maps=("codes",), grids=((32, 32),), classes=(), codebook_size=1024)
    codes, _, names = random_codes(contents, 100)
    writer = TokenSetWriter(tmp_path / "set", contents, 5000, 500)

    def write_and_read(shards: range) -> int:
        for number in shards:
            writer.write(number, [(codes, None, names)] * 5)
        return anonymous_memory()

    before = write_and_read(range(2))
    tokens, written = write_and_read(range(2, 10)), writer.finish()
    assert tokens - before < 6e6
    for part in torch.randperm(5000).split(100):
        assert written.codes(part)[0].shape == (100, 2, 32, 32)
    assert anonymous_memory() - before < 6e6


@pytest.mark.parametrize("shard_format", FORMATS)
def test_signals_of_several_lengths_come_back_each_as_long_as_it_was(tmp_path: Path, shard_format: ShardFormat) -> None:
    """Also the last of a shard and the first of the next, from two maps of which one has half the positions."""
    contents = some_contents(grids=((None,), (None,)), classes=())
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 9, (7,), generator=generator).tolist()
    shapes = [[(1, 2, length), (1, 2, 2 * length)] for length in lengths]
    signals = [[torch.randint(40_000, shape, generator=generator) for shape in both] for both in shapes]
    writer = TokenSetWriter(tmp_path / "set", contents, 7, 3, shard_format)
    for number in writer.prepare():
        writer.write(number, ((signals[place], None, [f"{place}.wav"]) for place in writer.places(number)))
    assert writer.prepare() == []
    writer.finish().verify()
    tokens = TokenSet.open(tmp_path / "set")
    version = {"safetensors": 2}.get(shard_format, 3)
    assert json.loads((tmp_path / "set" / "index.json").read_text())["format_version"] == version
    for number, expected in enumerate(signals):
        found = tokens.codes([number])
        assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
        assert tokens.as_ids(found).shape == (1, 2 + 2 * 3 * lengths[number])
    assert [len(maps[0]) for maps, _ in tokens.batches(4)] == [1] * 7
    assert tokens.names([6, 0]) == ["6.wav", "0.wav"]
    twice = tokens.codes([5, 5])
    assert torch.equal(twice[1], torch.cat([signals[5][1]] * 2))
    with pytest.raises(ValueError, match="several lengths make no one tensor"):
        tokens.codes([lengths.index(min(lengths)), lengths.index(max(lengths))])
    if shard_format != "safetensors":
        return
    stored = load_file(tmp_path / "set" / "codes-00002.safetensors")
    assert torch.equal(stored["codes.top"], signals[6][0][0].mT.int())
    assert stored["lengths.bottom"].tolist() == [2 * lengths[6]]


def test_a_set_of_one_size_is_of_the_first_version(tmp_path: Path) -> None:
    assert json.loads((make(tmp_path / "set") / "index.json").read_text())["format_version"] == 1
