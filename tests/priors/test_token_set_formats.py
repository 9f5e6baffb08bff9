"""Parquet and WebDataset shards, as programs read them that know nothing of this project; what of them is refused."""

import io
import json
import re
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from token_sets import make, random_codes, some_contents, write

from priors.token_index import TokenSetError
from priors.token_set import HELD, TokenSet
from priors.token_writer import TokenSetWriter

CODES, LABELS, NAMES = random_codes(some_contents(), 50)
OTHERS = ("parquet", "webdataset")


def test_pyarrow_and_pandas_read_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pandas as pd
    import pyarrow.dataset as ds

    folder = make(tmp_path / "set", "parquet")
    table = ds.dataset(sorted(map(str, folder.glob("*.parquet"))), format="parquet").to_table()
    assert table.schema.names == ["name", "label", "codes.top", "codes.bottom"]
    assert table["name"].to_pylist() == NAMES
    assert table["label"].to_pylist() == LABELS.tolist()
    assert table["codes.top"].to_pylist() == CODES[0].tolist()
    assert ds.dataset(str(folder / "codes-00003.parquet")).to_table(columns=["codes.bottom"])[0].to_pylist() == (
        CODES[1][45:].tolist()
    )
    frame = pd.read_parquet(folder / "codes-00001.parquet")
    assert [frame["codes.top"][0][slot][row].tolist() for slot in (0, 1) for row in (0, 1)] == (
        CODES[0][15].flatten(0, 1).tolist()
    )


@pytest.mark.parametrize("shard_format", OTHERS)
def test_datasets_reads_both(tmp_path: Path, shard_format: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    files = sorted(map(str, make(tmp_path / "set", shard_format).glob("codes-*")))
    found = datasets.load_dataset(shard_format, data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    columns = ("codes.top", "codes.bottom") if shard_format == "parquet" else ("top.npy", "bottom.npy")
    for column, codes in zip(columns, CODES, strict=True):
        assert torch.equal(torch.tensor(found[column][:]), codes)
    if shard_format == "webdataset":
        assert found["cls"][:] == LABELS.tolist()
        assert [row["name"] for row in found["json"]] == NAMES


def test_webdataset_reads_tar_files(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    files = sorted(map(str, make(tmp_path / "set", "webdataset").glob("*.tar")))
    samples = list(webdataset.WebDataset(files, shardshuffle=False).decode())
    assert [sample["__key__"] for sample in samples] == [f"{number:012}" for number in range(50)]
    assert [sample["json"]["name"] for sample in samples] == NAMES
    assert [sample["cls"] for sample in samples] == LABELS.tolist()
    for part, codes in zip(("top.npy", "bottom.npy"), CODES, strict=True):
        assert all(sample[part].dtype == np.int32 for sample in samples)
        assert np.array_equal(np.stack([sample[part] for sample in samples]), codes.numpy())


def test_tar_files_are_read_by_the_standard_library(tmp_path: Path) -> None:
    contents = some_contents(maps=("codes",), grids=((None,),), classes=(), codebook_size=100)
    writer = TokenSetWriter(tmp_path / "set", contents, 2, shard_format="webdataset")
    sounds = [torch.arange(2 * length).view(1, 2, length) for length in (3, 5)]
    writer.write(0, (([codes], None, [f"{len(codes[0, 0])}.wav"]) for codes in sounds))
    writer.finish().verify()
    with tarfile.open(tmp_path / "set" / "codes-00000.tar") as tar:
        assert tar.getnames() == [f"{number:012}.{part}" for number in (0, 1) for part in ("json", "codes.npy")]
        for number, codes in enumerate(sounds):
            found = np.load(io.BytesIO(tar.extractfile(f"{number:012}.codes.npy").read()), allow_pickle=False)
            assert found.dtype == np.int16
            assert np.array_equal(found, codes[0].numpy())
        assert {member.mtime for member in tar.getmembers()} == {0}


@pytest.mark.parametrize("shard_format", OTHERS)
def test_the_index_says_what_the_files_are_to_readers_of_its_version(tmp_path: Path, shard_format: Any) -> None:
    folder = make(tmp_path / "set", shard_format)
    index = json.loads((folder / "index.json").read_text())
    assert (index["format_version"], index["shard_format"]) == (3, shard_format)
    for changed, said in (
        ({"format_version": 1}, "format_version must be '?3"),
        ({"shard_format": "zip"}, "one of safetensors, parquet, webdataset"),
        ({"shard_format": ["parquet"]}, "one of safetensors, parquet, webdataset"),
        ({"shard_format": "safetensors"}, "codes-NUMBER.safetensors in the same folder"),
    ):
        (folder / "index.json").write_text(json.dumps({**index, **changed}))
        with pytest.raises(TokenSetError, match=said):
            TokenSet.open(folder)


@pytest.mark.parametrize("shard_format", OTHERS)
def test_few_shards_are_held_in_memory(tmp_path: Path, shard_format: Any) -> None:
    tokens = write(tmp_path / "set", some_contents(), 50, 5, 5, shard_format)
    for _ in range(2):
        assert torch.equal(torch.cat([codes[1] for codes, _ in tokens.batches(5)]), CODES[1])
        assert len(tokens._opened) == HELD


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.9999])
@pytest.mark.parametrize("shard_format", OTHERS)
def test_a_broken_off_shard_is_refused(tmp_path: Path, shard_format: Any, share: float) -> None:
    folder = make(tmp_path / "set", shard_format)
    path = sorted(folder.glob("codes-*"))[1]
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(TokenSetError, match=f"{re.escape(path.name)}: .* and the index says .* cut off"):
        TokenSet.open(folder)
    _know_the_size(folder, 1)
    with pytest.raises(TokenSetError, match=re.escape(path.name)):
        TokenSet.open(folder).codes(range(50))


@pytest.mark.parametrize("shard_format", OTHERS)
def test_wrong_shards_are_refused_when_the_set_is_opened(tmp_path: Path, shard_format: Any) -> None:
    folder, other = make(tmp_path / "set", shard_format), make(tmp_path / "other", shard_format, fingerprint="0" * 64)
    paths = sorted(folder.glob("codes-*"))
    paths[1].write_bytes(paths[2].read_bytes())
    _know_the_size(folder, 1)
    with pytest.raises(TokenSetError, match="shard 2 in the place of shard 1"):
        TokenSet.open(folder)
    paths[1].write_bytes((other / paths[1].name).read_bytes())
    _know_the_size(folder, 1)
    with pytest.raises(TokenSetError, match="a shard of another token set"):
        TokenSet.open(folder)
    (folder / "index.json").unlink()
    with pytest.raises(TokenSetError, match="holds the codes of another tokenizer or data set"):
        TokenSetWriter(folder, some_contents(), 50, 15, shard_format).prepare()


def _know_the_size(folder: Path, number: int) -> None:
    index = json.loads((folder / "index.json").read_text())
    index["shards"][number]["bytes"] = (folder / index["shards"][number]["file"]).stat().st_size or 1
    (folder / "index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop_columns("name"), "no column name"),
        (lambda table: table.drop_columns("codes.top"), "no column codes.top"),
        (lambda table: table.set_column(1, "label", table["label"].cast("int64")), "labels of the kind int64"),
        (lambda table: table.set_column(0, "name", table["label"]), "names of the kind int32"),
        (lambda table: table.set_column(2, "codes.top", table["label"]), "are not the tensors that the index says"),
        (lambda table: table.set_column(2, "codes.top", table["name"]), "codes of the kind string"),
        (lambda table: table.set_column(2, "codes.top", table["codes.bottom"]), "are not the tensors that the index"),
        (lambda table: table.set_column(2, "codes.top", _with_gap(table["codes.top"])), "damaged"),
        (lambda table: table.replace_schema_metadata({}), "does not say what it is"),
        (lambda table: table.slice(1), "the codes of 14 pictures, and the index says 15"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, change: Callable[[Any], Any], said: str) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    folder = make(tmp_path / "set", "parquet")
    pq.write_table(change(pq.read_table(folder / "codes-00001.parquet")), folder / "codes-00001.parquet")
    _know_the_size(folder, 1)
    with pytest.raises(TokenSetError, match=said):
        TokenSet.open(folder).codes(range(50))


def _with_gap(column: Any) -> Any:
    import pyarrow as pa

    return pa.array([None, *column.to_pylist()[1:]], column.type)


Member = tuple[str, bytes]


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda members: members[1:], "samples that are not whole"),
        (lambda members: [members[1], members[0], *members[2:]], "in the place of 000000000015.json"),
        (lambda members: [(members[0][0], b"7"), *members[1:]], "a name that is no word"),
        (lambda members: [(members[0][0], b"{"), *members[1:]], "damaged"),
        (lambda members: [members[0], (members[1][0], b"cat"), *members[2:]], "damaged"),
        (lambda members: [*members[:2], (members[2][0], b"none"), *members[3:]], "damaged"),
        (lambda members: [*members[:2], (members[2][0], members[2][1][:-4]), *members[3:]], "damaged"),
        (lambda members: [*members[:2], (members[2][0], _npy(np.zeros((2, 2, 3)))), *members[3:]], "an array of float"),
        (
            lambda members: [*members[:2], (members[2][0], _npy(np.array([{}], object))), *members[3:]],
            "an array of object",
        ),
        (
            lambda members: [
                *members[:2],
                (members[2][0], members[2][1].replace(b"(2, 2, 3), }", b"(2, 2, 9**9)")),
                *members[3:],
            ],
            "no array",
        ),
        (lambda members: members[:4], "the codes of 1 pictures, and the index says 15"),
        (lambda members: [], "damaged"),
    ],
)
def test_a_wrong_tar_file_is_refused(tmp_path: Path, change: Callable[[list[Member]], list[Member]], said: str) -> None:
    folder = make(tmp_path / "set", "webdataset")
    path = folder / "codes-00001.tar"
    with tarfile.open(path) as tar:
        comment = tar.pax_headers
        members = [(member.name, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT, pax_headers=comment) as tar:
        for name, content in change(members):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    _know_the_size(folder, 1)
    with pytest.raises(TokenSetError, match=said):
        TokenSet.open(folder).codes(range(50))


def test_a_map_whose_name_no_member_can_have_is_a_bad_one_for_tar_files(tmp_path: Path) -> None:
    contents = some_contents(maps=("a.b", "../c"))
    with pytest.raises(TokenSetError, match=r"'a.b' cannot be a member of a tar file; choose another"):
        TokenSetWriter(tmp_path, contents, 1, shard_format="webdataset")


def test_without_pyarrow_a_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "set", "parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    for call in (
        lambda: TokenSet.open(folder),
        lambda: TokenSetWriter(tmp_path / "new", some_contents(), 1, 1, "parquet"),
    ):
        with pytest.raises(TokenSetError, match=re.escape("pip install 'quantizer-zoo-benchmark[parquet]'")):
            call()
