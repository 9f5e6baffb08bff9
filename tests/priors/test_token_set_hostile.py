"""Damaged, swapped, foreign and hostile token sets: each is refused in one sentence that says what is wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from token_sets import make, random_codes, some_contents, write

from priors.token_index import TokenSetError
from priors.token_set import TokenSet
from priors.token_writer import TokenSetWriter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "set")


def refused(folder: Path, message: str, verify: bool = False) -> None:
    with pytest.raises(TokenSetError, match=message) as caught:
        TokenSet.open(folder).verify() if verify else TokenSet.open(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 900


def edit_index(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    index = json.loads((folder / "index.json").read_text())
    edit(index)
    (folder / "index.json").write_text(json.dumps(index))


def rewrite(
    folder: Path, number: int, edit: Callable[[dict[str, torch.Tensor]], Any], shard: int | None = None
) -> None:
    """A shard with other tensors, and an index that knows it."""
    path = folder / f"codes-0000{number}.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    edit(tensors)
    save_file(tensors, path, metadata=metadata)
    edit_index(folder, lambda index: index["shards"][number].update(bytes=path.stat().st_size))


def test_another_tokenizer_is_refused(folder: Path) -> None:
    with pytest.raises(TokenSetError, match=r"another tokenizer, made up \(fingerprint ffffffffffff, not 012345678901"):
        TokenSet.open(folder, "0123456789012345")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.3, 0.9, 0.9999])
@pytest.mark.parametrize("number", [0, 3])
def test_a_broken_off_shard_is_refused(folder: Path, share: float, number: int) -> None:
    path = folder / f"codes-0000{number}.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(folder, rf"codes-0000{number}.* bytes, and the index says {len(content):,}: cut off")
    edit_index(folder, lambda index: index["shards"][number].update(bytes=path.stat().st_size or 1))
    refused(folder, rf"codes-0000{number}")


def test_a_broken_byte_is_found_by_verify(folder: Path) -> None:
    path = folder / "codes-00002.safetensors"
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)
    refused(folder, r"codes-00002.safetensors: damaged: its SHA-256", verify=True)


def test_a_missing_shard_is_refused_wrong_index(folder: Path) -> None:
    (folder / "codes-00001.safetensors").unlink()
    refused(folder, r"codes-00001.safetensors is missing")


def test_wrong_order_of_shards(folder: Path) -> None:
    one, other = folder / "codes-00001.safetensors", folder / "codes-00002.safetensors"
    one.rename(folder / "aside")
    other.rename(one)
    (folder / "aside").rename(other)
    sizes = {path.name: path.stat().st_size for path in (one, other)}
    edit_index(
        folder,
        lambda index: [shard.update(bytes=sizes.get(shard["file"], shard["bytes"])) for shard in index["shards"]],
    )
    refused(folder, "shard 2 in the place of shard 1")
    edit_index(folder, lambda index: index["shards"].reverse())
    refused(folder, "in the place of shard")


def test_a_wrong_sets_shard_is_refused(folder: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other", data={"name": "random", "fingerprint": "e"})
    shutil.copy(other / "codes-00001.safetensors", folder)
    refused(folder, "a shard of another token set")


@pytest.mark.parametrize(
    "edit",
    [
        lambda tensors: tensors.update({"codes.top": tensors["codes.top"].to(torch.int64)}),
        lambda tensors: tensors.update({"codes.top": tensors["codes.top"].float()}),
        lambda tensors: tensors.update({"codes.top": tensors["codes.top"][:, :1].clone()}),
        lambda tensors: tensors.update({"codes.top": tensors["codes.top"].mT.contiguous()}),
        lambda tensors: tensors.update({"codes.top": tensors["codes.top"][:14].clone()}),
        lambda tensors: tensors.update({"codes.top": torch.tensor(3, dtype=torch.int32)}),
        lambda tensors: tensors.update({"labels": tensors["labels"].long()}),
        lambda tensors: tensors.update({"labels": tensors["labels"][:3].clone()}),
        lambda tensors: tensors.pop("labels"),
        lambda tensors: tensors.pop("codes.top"),
        lambda tensors: tensors.pop("codes.bottom"),
    ],
)
def test_wrong_tensors_are_refused(folder: Path, edit: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    rewrite(folder, 1, edit)
    refused(folder, "codes-00001.safetensors: damaged: .* are not the tensors")


def test_too_few_pictures_in_a_broken_shard(folder: Path) -> None:
    rewrite(folder, 1, lambda tensors: tensors.update({name: of[:9].clone() for name, of in tensors.items()}))
    refused(folder, "the codes of 9 pictures, and the index says 15")


@pytest.mark.parametrize("code", [-1, 40_000])
def test_wrong_codes_are_refused_when_they_are_read(folder: Path, code: int) -> None:
    rewrite(folder, 1, lambda tensors: tensors["codes.bottom"][4, 1, 3, 5].fill_(code))
    tokens = TokenSet.open(folder)
    tokens.codes(range(19))
    with pytest.raises(TokenSetError, match=r"damaged: codes must lie in \[0, 40000\)"):
        tokens.codes([19])


@pytest.mark.parametrize("label", [-1, 3])
def test_wrong_labels_are_refused_when_they_are_read(folder: Path, label: int) -> None:
    rewrite(folder, 1, lambda tensors: tensors["labels"][4].fill_(label))
    with pytest.raises(TokenSetError, match="a label that is none of its classes"):
        TokenSet.open(folder).labels([19])


def test_unknown_pictures_are_refused(folder: Path) -> None:
    for index in (-1, 50):
        with pytest.raises(IndexError, match="has pictures 0 to 49"):
            TokenSet.open(folder).codes([0, index])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda index: index.update(format_version=4), "newer version of this program"),
        (lambda index: index.update(format_version="1"), "format_version must be"),
        (lambda index: index.update(format="something"), "not the index of a token set"),
        (lambda index: index["shards"][1].update(file="../../elsewhere/codes-00001.safetensors"), "in the same folder"),
        (lambda index: index["shards"][1].update(file="/codes-00001.safetensors"), "in the same folder"),
        (lambda index: index["shards"][1].update(file="codes-00001.safetensors\n"), "in the same folder"),
        (lambda index: index["shards"][1].update(file="codes-00000.safetensors"), "each once"),
        (lambda index: index["shards"][1].update(count=-15), "count must be"),
        (lambda index: index["shards"][1].update(count=10**30), "count must be"),
        (lambda index: index["shards"][1].update(bytes=True), "bytes must be"),
        (lambda index: index["shards"].clear(), "one at least"),
        (lambda index: index.update(shards={}), "shards must be a list"),
        (lambda index: index["shards"].pop(), "count must be 45"),
        (lambda index: index.update(codebook_size=0), "codebook_size must be"),
        (lambda index: index.update(codebook_size=10**40), r"at most 2\^62"),
        (lambda index: index.update(codebook_size=40_000.0), "codebook_size must be"),
        (lambda index: index.update(dtype="float32"), "dtype must be int32"),
        (lambda index: index["maps"][0].update(grid=[2, -3]), "maps must be"),
        (lambda index: index["maps"][0].update(grid=[]), "maps must be"),
        (lambda index: index["maps"].clear(), "one map at least"),
        (lambda index: index.update(maps=[1, 2]), "maps must be"),
        (lambda index: index["ids"].update(begin_of_image=5), "ids must be"),
        (lambda index: index["ids"].update(id_offset=-1), "id_offset must be"),
        (lambda index: index.update(ids=7), "a damaged index"),
        (lambda index: index.update(classes=["a", 3]), "classes must be"),
        (lambda index: index.update(data=[1]), "a damaged index"),
        (lambda index: index.pop("fingerprint"), "it has no 'fingerprint'"),
        (lambda index: index.update(fingerprint=None), "fingerprint must be"),
        (lambda index: index["maps"][0].update(grid=[3, 2]), "another token set"),
        (lambda index: index.update(fingerprint="0" * 64), "another token set"),
    ],
)
def test_a_bad_index_is_refused(folder: Path, edit: Callable[[dict[str, Any]], Any], message: str) -> None:
    edit_index(folder, edit)
    refused(folder, message)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "nan", "[]", "\x00", '"index"', "null"])
def test_an_index_that_is_a_bad_file(folder: Path, text: str) -> None:
    (folder / "index.json").write_text(text)
    refused(folder, "index.json: not")


def test_an_index_broken_off_anywhere(folder: Path) -> None:
    content = (folder / "index.json").read_bytes()
    for end in range(0, len(content) - 2, 97):
        (folder / "index.json").write_bytes(content[:end])
        refused(folder, "not a readable JSON file")


def test_wrong_folders(folder: Path, tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "there is no folder")
    refused(tmp_path, "not a token set: it has no index.json")
    (folder / "index.json").unlink()
    refused(folder, "not finished; give the command that makes it again")


def test_a_writer_refuses_a_wrong_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(TokenSetError, match=r"other things in it \(thesis.tex\)"):
        TokenSetWriter(str(tmp_path / "mine"), some_contents(), 50).prepare()
    assert (tmp_path / "mine" / "thesis.tex").exists()
    before = sorted(folder.iterdir())
    another = {"contents": some_contents(fingerprint="0" * 64)}
    for changed in (another, {"count": 51}, {"shard_format": "parquet"}):
        writer = TokenSetWriter(**{"folder": folder, "contents": some_contents(), "count": 50, **changed})
        with pytest.raises(TokenSetError, match="holds the codes of made up, made otherwise"):
            writer.prepare()
    (folder / "index.json").unlink()
    with pytest.raises(TokenSetError, match="holds the codes of another tokenizer or data set"):
        TokenSetWriter(folder, count=50, **another).prepare()
    with pytest.raises(TokenSetError, match="holds the codes of another format, made otherwise"):
        TokenSetWriter(folder, some_contents(), 50, shard_format="webdataset").prepare()
    assert sorted(folder.iterdir()) == before[:-1]


def test_a_writer_refuses_bad_codes(tmp_path: Path) -> None:
    contents = some_contents()
    codes, labels, names = random_codes(contents, 4)
    with pytest.raises(ValueError, match="one picture at least, got 0"):
        TokenSetWriter(tmp_path / "set", contents, 0)
    with pytest.raises(ValueError, match="one picture at least, got 0"):
        TokenSetWriter(tmp_path / "set", contents, 4, 0)
    writer = TokenSetWriter(tmp_path / "set", contents, 4)
    for wrong, message in (
        ((codes[:1], labels, names), "expected code maps"),
        (([codes[0], codes[1][:3]], labels, names), "expected code maps"),
        (([codes[0], codes[1] + 40_000], labels, names), r"must lie in \[0, 40000\)"),
        ((codes, None, names), "needs a label, got 0"),
        ((codes, labels + 3, names), r"labels must lie in \[0, 3\)"),
        ((codes, labels, names[1:]), "needs a name"),
        (([of[1:] for of in codes], labels[1:], names[1:]), "shard 0 has 4 pictures, got 3"),
    ):
        with pytest.raises(ValueError, match=message):
            writer.write(0, [wrong])
    assert not list((tmp_path / "set").glob("*"))
    writer.write(0, [(codes, labels, names)])
    assert torch.equal(writer.finish().codes(range(4))[1], codes[1])


def test_a_set_without_classes_has_no_labels(tmp_path: Path) -> None:
    tokens = write(tmp_path / "set", some_contents(classes=()), 5, batch=2, shard_pictures=3)
    assert not tokens.has_labels
    assert tokens.labels([0]) is None


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda tensors: tensors.pop("lengths.codes"), "are not the tensors that the index says"),
        (lambda tensors: tensors["lengths.codes"].add_(1), "are not the tensors that the index says"),
        (lambda tensors: tensors["lengths.codes"].copy_(torch.tensor([-1, 7])), "are not the tensors"),
        (lambda tensors: tensors.update({"lengths.codes": torch.tensor([2.0, 4.0])}), "are not the tensors"),
        (lambda tensors: tensors.update({"lengths.codes": torch.tensor([6])}), "codes of 1 pictures"),
    ],
)
def test_bad_lengths_are_refused(tmp_path: Path, edit: Callable[[dict[str, Any]], Any], message: str) -> None:
    """Two signals of 2 and 4 positions."""
    contents = some_contents(maps=("codes",), grids=((None,),), classes=())
    writer = TokenSetWriter(tmp_path / "set", contents, 2)
    signals = (([torch.zeros(1, 2, of, dtype=torch.int64)], None, [f"{of}.wav"]) for of in (2, 4))
    writer.write(0, signals)
    writer.finish()
    rewrite(tmp_path / "set", 0, edit)
    refused(tmp_path / "set", message)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda index: index.update(format_version=1), "format_version must be 2 with such maps"),
        (lambda index: index["maps"][0].update(grid=[None, 3]), "maps must be a list"),
        (lambda index: index["maps"].append({"name": "more", "grid": [4]}), "all of one size, or all of several"),
    ],
)
def test_a_bad_index_of_several_lengths_is_refused(
    tmp_path: Path, edit: Callable[[dict[str, Any]], Any], message: str
) -> None:
    writer = TokenSetWriter(tmp_path / "set", some_contents(maps=("codes",), grids=((None,),), classes=()), 1)
    writer.write(0, [([torch.zeros(1, 2, 3, dtype=torch.int64)], None, ["a.wav"])])
    writer.finish()
    edit_index(tmp_path / "set", edit)
    refused(tmp_path / "set", message)
