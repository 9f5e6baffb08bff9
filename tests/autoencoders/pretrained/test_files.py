"""Files of weights that are broken, or that would like to run something."""

import argparse
import os
import pickle
import struct
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from autoencoders.pretrained import WeightsError, read_tensors
from autoencoders.pretrained.files import CONTAINERS, fill

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(1000)}


class RunsCode:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("name", ["x.safetensors", "x.ckpt", "x.pt", "x.bin"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_tensors_come_as_they_were_stored(name: str, wrapped: bool, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "x.safetensors":
        save_file(TENSORS, path)
    else:
        torch.save({"state_dict": TENSORS, "epoch": 7} if wrapped else {**TENSORS, "epoch": 7}, path)
    found = read_tensors(path)
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[key], TENSORS[key]) for key in TENSORS)


@pytest.mark.parametrize("old_format", [False, True])
@pytest.mark.parametrize("place", ["alone", "beside", "state_dict"])
def test_a_file_with_code_in_it_is_refused_and_the_code_not_run(old_format: bool, place: str, tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "evil.ckpt"
    evil = RunsCode(mark)
    content = {"alone": evil, "beside": {"state_dict": TENSORS, "x": evil}, "state_dict": {"state_dict": evil}}[place]
    torch.save(content, path, _use_new_zipfile_serialization=not old_format)
    with pytest.raises(WeightsError, match=r"holds more than tensors \(\w+\.mkdir\)"):
        read_tensors(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists()  # it would have


@pytest.mark.parametrize("name", ["x.safetensors", "x.ckpt"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999])
def test_a_truncated_file_is_damaged(name: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / name
    save_file(TENSORS, path) if name == "x.safetensors" else torch.save(TENSORS, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(WeightsError, match=f"{name}: damaged"):
        read_tensors(path)


@pytest.mark.parametrize("name", ["x.safetensors", "x.ckpt"])
@pytest.mark.parametrize(
    "content", [b"\0" * 1000, b"<html>Not found</html>", b"\x80\x02" * 50, b"PK\x03\x04" + b"x" * 99]
)
def test_what_is_no_file_of_weights_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        read_tensors(path)


@pytest.mark.parametrize("end", [2**40, 2**62, -1])
def test_a_tensor_that_claims_to_be_huge_takes_no_memory(end: int, tmp_path: Path) -> None:
    header = f'{{"a":{{"dtype":"F32","shape":[{max(end, 0) // 4}],"data_offsets":[0,{end}]}}}}'.encode()
    path = tmp_path / "huge.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 64)
    with pytest.raises(WeightsError, match="damaged"):
        read_tensors(path)
    path.write_bytes(struct.pack("<Q", 2**60) + header)
    with pytest.raises(WeightsError, match="damaged"):
        read_tensors(path)


def test_other_things_than_tensors_by_name(tmp_path: Path) -> None:
    path = tmp_path / "list.pt"
    torch.save([torch.ones(1)], path)
    with pytest.raises(WeightsError, match="holds a list"):
        read_tensors(path)
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(WeightsError):
        read_tensors(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(WeightsError, match="damaged"):
        read_tensors(path)
    with pytest.raises(WeightsError, match="there is no file"):
        read_tensors(tmp_path / "nowhere.pt")
    with pytest.raises(WeightsError, match="there is no file"):
        read_tensors(tmp_path)


def test_what_published_checkpoints_name_beside_their_tensors_is_passed_over(tmp_path: Path) -> None:
    """Lightning keeps the state of a callback under its class, which is not installed here; LlamaGen keeps flags."""
    path = tmp_path / "last.ckpt"
    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    callback = type("ModelCheckpoint", (), {"__module__": module.__name__})
    module.ModelCheckpoint = callback
    with pytest.MonkeyPatch.context() as patch:
        for parent in ("pytorch_lightning", "pytorch_lightning.callbacks"):
            patch.setitem(sys.modules, parent, types.ModuleType(parent))
        patch.setitem(sys.modules, module.__name__, module)
        content = {"callbacks": {callback: {"best_model_score": 1.0}}, "args": argparse.Namespace(lr=1e-4)}
        torch.save({"state_dict": TENSORS, **content}, path)
    assert read_tensors(path).keys() == TENSORS.keys()
    assert module.__name__ not in sys.modules


MODEL = {"encoder.conv.weight": torch.ones(2), "decoder.conv.weight": torch.ones(3), "decoder.bias": torch.zeros(1)}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tensors: {f"module.{name}": tensor for name, tensor in tensors.items()},
        lambda tensors: {f"_orig_mod.{name}": tensor for name, tensor in tensors.items()},
        lambda tensors: {f"module._orig_mod.{name}": tensor for name, tensor in tensors.items()},
        lambda tensors: {f"_orig_mod.module.module.{name}": tensor for name, tensor in tensors.items()},
        lambda tensors: {f"vae.{name}": tensor for name, tensor in tensors.items()},
        lambda tensors: {name.replace(".", "._orig_mod.", 1): tensor for name, tensor in tensors.items()},
        lambda tensors: {name.replace(".", "._fsdp_wrapped_module.", 1): tensor for name, tensor in tensors.items()},
        lambda tensors: {"n_averaged": torch.tensor(5), **{f"module.{name}": each for name, each in tensors.items()}},
    ],
)
@pytest.mark.parametrize("keys", [(), *((key,) for key in CONTAINERS), ("model", "state_dict"), ("net", "module")])
def test_what_was_around_the_model_is_taken_off(wrap: Callable, keys: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    content = wrap(MODEL)
    for key in keys:
        content = {key: content, "step": 5, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}}
    torch.save(content, path)
    found = read_tensors(path)
    assert found.keys() == MODEL.keys()
    assert all(torch.equal(found[name], MODEL[name]) for name in MODEL)
    if not keys:
        save_file(content, path.with_suffix(".safetensors"))
        assert read_tensors(path.with_suffix(".safetensors")).keys() == MODEL.keys()


def test_a_container_of_itself_ends(tmp_path: Path) -> None:
    content: dict[str, object] = {"a": torch.ones(1)}
    content["model"] = content
    torch.save(content, tmp_path / "x.pt")
    assert read_tensors(tmp_path / "x.pt").keys() == {"a"}


def test_a_prefix_that_is_not_all_of_the_files_is_named(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    named = {f"vq.model.{name}": tensor for name, tensor in model.state_dict().items()}
    with pytest.raises(WeightsError, match=r"only a prefix seems to be wrong: save the tensors of vq\.model\. alone"):
        fill(model, {**named, "discriminator.weight": torch.ones(1)}, tmp_path / "w.pt")
    with pytest.raises(WeightsError) as other:
        fill(model, {"vq.model.0.weight": torch.ones(2, 2), "x": torch.ones(1)}, tmp_path / "w.pt")
    assert "seems to be wrong" not in str(other.value)


def test_numbers_that_are_not_finite_are_refused_by_name(tmp_path: Path) -> None:
    model = torch.nn.Linear(2, 2)
    tensors = {**model.state_dict(), "bias": torch.tensor([1.0, float("inf")])}
    with pytest.raises(WeightsError, match=r"w\.pt: NaN or infinite numbers in bias"):
        fill(model, tensors, tmp_path / "w.pt")
