"""Files that would like to run something, to take all memory, or to pass for a model's; `files` has them by name.

What is in them as code makes a folder, the canary: where there is none afterwards, nothing was run.
"""

import io
import itertools
import json
import os
import pickle
import struct
import subprocess
import tarfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from hostile_models import CONFIG_JSON, FAULTS, SMALL, right, wrapped
from safetensors.torch import save
from torch import Tensor
from torch_archives import Declared, rezipped, torch_bytes, zipped

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(300)}


class Hostile(NamedTuple):
    """One file: its name, the small model that it is given to (any if None), and what writes it."""

    name: str
    target: str | None
    write: Callable[[Path], object]


def files(canary: Path) -> Iterator[Hostile]:
    """All of them."""
    for name, suffix, content in itertools.chain(code(canary), truncated(), garbage(), headers(), archives()):
        yield Hostile(f"{name}{suffix}", None, lambda path, content=content: path.write_bytes(content))
    for name, write in places().items():
        yield Hostile(f"{name}.ckpt", None, write)
    for target, fault in itertools.product(SMALL, FAULTS):
        yield Hostile(f"{fault} for {target}.bin", target, lambda path, t=target, f=fault: save_faulty(path, t, f))
    for name, text in configurations().items():
        yield Hostile(f"{name}.bin", "diffusers", lambda path, text=text: save_configured(path, text))


Content = Iterator[tuple[str, str, bytes]]


class Call:
    """Pickled, a call that is made when the pickle is loaded."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


class State:
    """Pickled, an object whose state is set by a call."""

    def __init__(self, state: object) -> None:
        self.state = state

    def __reduce__(self) -> tuple[object, ...]:
        return Call, (len, ()), self.state


def payloads(canary: Path) -> dict[str, object]:
    statement = f"__import__('os').mkdir({str(canary)!r})"
    mkdir = Call(os.mkdir, str(canary))
    return {
        "mkdir": mkdir,
        "system": Call(os.system, f"mkdir {canary}"),
        "eval": Call(eval, statement),
        "exec": Call(exec, statement),
        "subprocess": Call(subprocess.call, ["mkdir", str(canary)]),
        "in arguments": Call(list, (mkdir,)),
        "in state": State({"x": mkdir}),
        "in arguments of a tensor": Call(torch._utils._rebuild_parameter, torch.ones(1), False, mkdir),
    }


def code(canary: Path) -> Content:
    """Pickles with calls in them: in each place of a checkpoint, in torch's two formats, and by hand."""
    for name, evil in payloads(canary).items():
        nested = {
            "alone": evil,
            "beside": {"state_dict": TENSORS, "callbacks": evil},
            "as weights": {"state_dict": evil},
            "as a tensor": {"state_dict": {**TENSORS, "c": [1, {"x": (evil,)}]}},
            "in the flags": {"model": TENSORS, "args": {"argparse.Namespace": evil}},
        }
        for place, content in nested.items():
            yield f"code {name} {place}", ".ckpt", torch_bytes(content)
            yield f"code {name} {place}, older", ".pt", torch_bytes(content, older=True)
        yield f"code {name}, bare", ".bin", pickle.dumps({"state_dict": evil})
    target = f"(S{str(canary)!r}\n"
    yield "opcodes global", ".pt", f"cos\nmkdir\n{target}tR.".encode()
    yield "opcodes inst", ".pt", f"(S{str(canary)!r}\nios\nmkdir\n.".encode()
    yield "opcodes obj", ".pt", f"(cos\nmkdir\nS{str(canary)!r}\no.".encode()
    yield "opcodes stack global", ".pt", b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93" + f"{target}tR.".encode()
    yield "opcodes dotted", ".pt", b"\x80\x04\x8c\x05torch\x8c\x08os.mkdir\x93" + f"{target}tR.".encode()
    yield "opcodes extension", ".pt", b"\x80\x02\x82\x01" + f"{target}tR.".encode()
    for name, module in (("inert class", "argparse\nNamespace"), ("inert module", "argparse\n_os.mkdir")):
        yield f"opcodes {name}", ".pt", f"c{module}\n{target}tR.".encode()


def truncated() -> Content:
    whole = {".safetensors": save(TENSORS), ".ckpt": torch_bytes(TENSORS), ".pt": torch_bytes(TENSORS, older=True)}
    for suffix, content in whole.items():
        for share in (0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999):
            yield f"truncated to {share}", suffix, content[: int(share * len(content))]


def garbage() -> Content:
    contents = {
        "empty": b"",
        "zeros": b"\0" * 5000,
        "random": bytes(torch.randint(256, (5000,), generator=torch.Generator().manual_seed(0)).tolist()),
        "page": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "text": "Gewichte für später".encode("latin-1"),
        "picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        "archive without end": b"PK\3\4" + b"x" * 200,
        "archive without entries": b"PK\5\6" + b"\0" * 18,
    }
    for (name, content), suffix in itertools.product(contents.items(), (".safetensors", ".ckpt")):
        yield name, suffix, content


def headers() -> Content:
    """Of .safetensors."""

    def tensor(shape: object = (4,), offsets: object = (0, 16), dtype: object = "F32") -> dict[str, object]:
        return {"dtype": dtype, "shape": shape, "data_offsets": offsets}

    written: dict[str, object] = {
        "beyond the file": {"a": tensor([2**20], [0, 2**22])},
        "a terabyte": {"a": tensor([2**38], [0, 2**40])},
        "shape over 64 bits": {"a": tensor([2**40, 2**40], [0, 16])},
        "shape for other bytes": {"a": tensor([5])},
        "negative shape": {"a": tensor([-4])},
        "negative offsets": {"a": tensor([4], [-16, 0])},
        "overlapping": {"a": tensor(), "b": tensor()},
        "offsets backwards": {"a": tensor([4], [16, 0])},
        "a gap": {"a": tensor([4], [16, 32])},
        "empty but huge": {"a": tensor([0, 2**62], [0, 0])},
        "unknown dtype": {"a": tensor(dtype="F33")},
        "text for a shape": {"a": tensor("4")},
        "missing fields": {"a": {"dtype": "F32"}},
        "a list": [tensor()],
        "a name of two lines": {"a\nTraceback \x1b[31m": tensor()},
        "not UTF-8": b'{"\xff\xfe":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}',
        "one name twice": b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
        b'"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}',
        "deep": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    }
    for name, header in written.items():
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        yield f"header {name}", ".safetensors", struct.pack("<Q", len(text)) + text + b"\0" * 16
    yield "header of an exabyte", ".safetensors", struct.pack("<Q", 2**60) + b"{}"


def archives() -> Content:
    """Of torch's own formats, without code."""
    contents: dict[str, object] = {
        "a list": [torch.ones(1)],
        "a tensor": torch.ones(1),
        "a number": 3,
        "text for tensors": {"state_dict": {"encoder.conv_in.weight": "text"}},
        "numbers for names": {"state_dict": {1: torch.ones(1), (2, 3): torch.ones(1)}},
        "repeated for ever": {"a": torch.ones(1).expand(2**50)},
        "nowhere": {"a": torch.empty(2**50, device="meta")},
        "sparse": {"a": sparse(2**50)},
        "a terabyte declared": Declared(2**38),
        "four gigabytes declared": Declared(2**30),
    }
    for name, content in contents.items():
        yield f"archive of {name}", ".ckpt", torch_bytes(content)
        yield f"archive of {name}, older", ".pt", torch_bytes(content, older=True)
    sound = torch_bytes(TENSORS)
    yield "archive without tensors", ".ckpt", rezipped(sound, lambda name, data: None if "/data/" in name else data)
    yield "archive without names", ".ckpt", rezipped(sound, lambda name, data: None if "data.pkl" in name else data)
    yield "archive of other bytes", ".ckpt", rezipped(sound, lambda name, data: data[:4] if "/data/" in name else data)
    yield "archive as text", ".ckpt", zipped({"readme.txt": b"nothing"})
    yield "archive that goes up", ".ckpt", zipped({"../../data.pkl": pickle.dumps({})})
    yield "archive with one name twice", ".ckpt", zipped({"x/data.pkl": b"."}, twice=True)
    yield "archive that swells", ".ckpt", torch_bytes(Declared(2**26, held=True))
    yield "archive of an archive", ".ckpt", zipped({"x/data.pkl": sound, "x/version": b"3\n"})
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for part in ("sys_info", "pickle", "storages", "tensors"):
            archive.addfile(tarfile.TarInfo(part), io.BytesIO())
    yield "archive of the oldest format", ".pt", tar.getvalue()


def places() -> dict[str, Callable[[Path], object]]:
    """What is no file."""
    return {
        "a folder": Path.mkdir,
        "a link to itself": lambda path: path.symlink_to(path),
        "a link to nothing": lambda path: path.symlink_to(path.with_name("nothing")),
        "a pipe": os.mkfifo,
        "nothing": lambda path: None,
    }


def configurations() -> dict[str, str]:
    """Of diffusers."""
    changes: dict[str, dict[str, Any]] = {
        "width of a million": {"block_out_channels": [10**6, 10**6]},
        "a billion blocks": {"layers_per_block": 10**9},
        "a thousand levels": {"block_out_channels": [8] * 1000, "down_block_types": [], "up_block_types": []},
        "huge latent": {"latent_channels": 2**62},
        "a list for a size": {"in_channels": [3], "out_channels": [3]},
        "half a block": {"layers_per_block": 1.5},
        "not a number": {"block_out_channels": [float("nan"), 8]},
        "no levels": {"block_out_channels": [], "down_block_types": [], "up_block_types": []},
        "null": {"block_out_channels": None},
        "another class": {"_class_name": "os.system\n"},
    }
    texts = {f"configuration {name}": json.dumps(CONFIG_JSON | change) for name, change in changes.items()}
    deep = {"configuration deep": "[" * 100_000, "configuration long": " " * 2**21, "configuration cut": '{"a'}
    return texts | deep


def save_faulty(path: Path, target: str, fault: str) -> None:
    path.with_name("config.json").write_text(json.dumps(CONFIG_JSON))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(wrapped(target, FAULTS[fault](right(target))), path)


def save_configured(path: Path, text: str) -> None:
    path.with_name("config.json").write_text(text)
    torch.save(wrapped("diffusers", right("diffusers")), path)


def sparse(size: int) -> Tensor:
    return torch.sparse_coo_tensor(torch.zeros(1, 1, dtype=torch.long), torch.ones(1), (size,), check_invariants=True)
