"""Files in torch's two formats, sound and otherwise, as bytes."""

import io
import pickle
import struct
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable

import torch


class Storage:
    """Pickled, a storage of so many float32."""

    def __init__(self, size: int) -> None:
        self.size = size


class Declared:
    """Pickled, a tensor of so many float32, whose file has none of them, or has them compressed to nearly nothing."""

    def __init__(self, size: int, *, held: bool = False) -> None:
        self.size, self.held = size, held

    def __reduce__(self) -> tuple[object, ...]:
        arguments = (Storage(self.size), 0, (self.size,), (1,), False, OrderedDict())
        return torch._utils._rebuild_tensor_v2, arguments


class Declaring(pickle.Pickler):
    def persistent_id(self, item: object) -> object:
        kind = ("storage", torch.FloatStorage, "0", "cpu")
        return (*kind, item.size, *self.rest) if isinstance(item, Storage) else None

    rest: tuple[object, ...] = ()


def torch_bytes(content: object, *, older: bool = False) -> bytes:
    """What `torch.save` writes, in its newer or its older format."""
    stream = io.BytesIO()
    if isinstance(content, Declared):
        pickler = Declaring(stream, protocol=2)
        if not older:
            pickler.dump({"a": content})
            data = bytes(4 * content.size if content.held else 64)
            entries = {"x/data.pkl": stream.getvalue(), "x/version": b"3\n", "x/data/0": data}
            return zipped(entries, compressed=content.held)
        for part in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}):
            pickle.dump(part, stream, protocol=2)
        pickler.rest = (None,)
        pickler.dump({"a": content})
        pickle.dump(["0"], stream, protocol=2)
        return stream.getvalue() + struct.pack("<q", content.size) + b"\0" * 64
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(content, stream, _use_new_zipfile_serialization=not older)
    return stream.getvalue()


def zipped(entries: dict[str, bytes], *, twice: bool = False, compressed: bool = False) -> bytes:
    stream = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", kind, compresslevel=1) as archive:
        warnings.simplefilter("ignore")
        for name, data in list(entries.items()) * (1 + twice):
            archive.writestr(name, data)
    return stream.getvalue()


def rezipped(archive: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """Its entries changed or left out."""
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        changed = {name: change(name, old.read(name)) for name in old.namelist()}
    return zipped({name: data for name, data in changed.items() if data is not None})
