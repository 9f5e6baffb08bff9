"""Files of weights, read so that nothing in them is run, and put into a model so that nothing is left over.

What a file declares is not believed: no tensor takes more memory than the file has bytes for it, and a model is made
only once the names and shapes of its tensors are known to be in the file.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from quantizers.codebook import LearnedCodebook
from storage.paths import StrPath

SHOWN = 8
"""Names of tensors in a message at most."""

ARCHIVE = b"PK\3\4"
"""What torch's newer files begin with, and by which torch itself knows them."""

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Kinds of numbers that weights may be stored as."""

FOREIGN = re.compile(r"[Uu]nsupported (?:global: )?GLOBAL (\S+)")
"""What torch says of a class or function that is no tensor's."""

ADVICE = re.compile(r"\. (?:Please use|In PyTorch|Re-running)")
"""Where the advice begins in torch's errors."""

LONGEST = 200
"""Characters of a name, or of another program's error, in a message at most."""


CONTAINERS = ("state_dict", "model_state_dict", "model", "module", "network", "net", "params", "weights")
"""Keys under which trainings keep the tensors of their model."""

DEEPEST = 4
"""Containers within each other at most."""

INSERTED = re.compile(r"(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""What torch.compile, FSDP and checkpointing put into names, before any of their parts."""

AVERAGED = "n_averaged"
"""What `AveragedModel` has beside its model."""


class WeightsError(ValueError):
    """A file of weights that cannot be used; the message says why."""


class Inert:
    """Stands for a class that published checkpoints name beside their tensors, and does nothing."""


INERT = ("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint", "argparse.Namespace")
"""Lightning's state of its callbacks is kept under their classes, and LlamaGen's keeps its flags; neither is needed."""


def read_tensors(path: StrPath, inside: tuple[str, ...] = CONTAINERS) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of one by `torch.save`, on the CPU.

    Of the latter only tensors and plain containers are read (`weights_only`); anything else in it is refused, not run.
    Names come without what was around the model as it was saved: what `torch.compile` and FSDP put into them, and a
    first part that all of them have, such as DDP's `module.`.

    Args:
        path: the file.
        inside: keys of `torch.save`'s dictionary under which its tensors may be, as Lightning's are, also one within
            another; the first that is there is taken, without any the whole. Where none are given the names stay, too.

    Raises:
        WeightsError: no such file, a damaged one, or one with other things than tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"there is no file {path}")
    try:
        content = load_file(path) if path.suffix == ".safetensors" else _read_pickle(path)
    except WeightsError:
        raise
    # a file made to break its reader can raise anything
    except Exception as error:
        if foreign := FOREIGN.search(str(error)):
            raise WeightsError(
                f"{path}: holds more than tensors ({_shown(foreign[1])}), which is not read since it could run code; "
                "have it saved again as safetensors by somebody who trusts it"
            ) from error
        raise WeightsError(f"{path}: damaged, or no file of weights ({_reason(error)})") from error
    for _ in range(DEEPEST):
        found = content if isinstance(content, Mapping) else {}
        content = next((found[key] for key in inside if isinstance(found.get(key), Mapping)), content)
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path}: holds a {type(content).__name__}, not tensors by name")
    tensors = {name: tensor for name, tensor in content.items() if isinstance(tensor, Tensor) and isinstance(name, str)}
    for name, tensor in tensors.items():
        _require_stored(name, tensor, path)
    return _unwrapped(tensors, path) if inside else tensors


def _unwrapped(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors by the names that they have in the model. A tokenizer has parts of several names, so that a first
    part which all tensors share is none of it."""
    names = renamed(tensors, lambda name: INSERTED.sub("", name), path)
    while True:
        model = {name: tensor for name, tensor in names.items() if name != AVERAGED}
        first = {name.partition(".")[0] for name in model if "." in name}
        if len(model) < 2 or len(first) != 1 or not all("." in name for name in model):
            return names
        names = renamed(model, lambda name: name.partition(".")[2], path)


def _read_pickle(path: Path) -> object:
    with path.open("rb") as file:
        is_archive = file.read(len(ARCHIVE)) == ARCHIVE
    if is_archive:
        _require_bounded(path)
    with torch.serialization.safe_globals([(Inert, name) for name in INERT]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True)


def _require_bounded(path: Path) -> None:
    """WeightsError where an archive says that it holds more than it has; torch compresses nothing."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    declared, size = sum(entry.file_size for entry in entries), path.stat().st_size
    if declared > size:
        raise WeightsError(f"{path}: damaged, or no file of weights ({declared} bytes declared in a file of {size})")
    if len({entry.filename for entry in entries}) < len(entries):
        raise WeightsError(f"{path}: damaged, or no file of weights (two of its entries have one name)")


def _require_stored(name: str, tensor: Tensor, path: Path) -> None:
    """WeightsError for a tensor whose elements are not all in the file: sparse, repeated, or nowhere."""
    plain = tensor.layout is torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
    if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise WeightsError(f"{path}: {_shown(name)} is no plain tensor with all its elements in the file")


def _reason(error: Exception) -> str:
    """What another program's error says, without torch's advice to load the file all the same."""
    said = str(error).rpartition("WeightsUnpickler error: ")[2].strip().splitlines() or [type(error).__name__]
    return _shown(ADVICE.split(said[0])[0])


def _shown(text: str) -> str:
    """Foreign text, fit for one line of a message."""
    return (text if text.isprintable() else ascii(text))[:LONGEST]


def renamed(tensors: Mapping[str, Tensor], rename: Callable[[str], str], source: StrPath) -> dict[str, Tensor]:
    """The tensors by other names. WeightsError where two of a file would get the same."""
    found = {rename(name): tensor for name, tensor in tensors.items()}
    if len(found) < len(tensors):
        names = [rename(name) for name in tensors]
        raise WeightsError(
            f"{source}: more than one tensor for {_listed(sorted({n for n in names if names.count(n) > 1}))}"
        )
    return found


Model = TypeVar("Model", bound=nn.Module)


def build(
    make: Callable[[], Model], tensors: Mapping[str, Tensor], source: StrPath, optional: frozenset[str] = frozenset()
) -> Model:
    """A model with these tensors, in eval mode. Trained on, its codebooks are neither started anew nor lose dead codes.

    It is made on the meta device first, where it takes no memory, to see whether the tensors are its.

    Args:
        make: makes it, as often as it is called.
        tensors: name -> values.
        source: their file, for the message.
        optional: as for `fill`.

    Raises:
        WeightsError: as `fill`.
    """
    source = Path(source)
    with torch.device("meta"):
        _require_match(make().state_dict(), tensors, source, optional)
    model = make()
    fill(model, tensors, source, optional)
    for part in model.modules():
        if isinstance(part, LearnedCodebook):
            part.keep()
    return model.eval()


def fill(
    model: nn.Module, tensors: Mapping[str, Tensor], source: StrPath, optional: frozenset[str] = frozenset()
) -> None:
    """Put tensors into a model by name.

    Args:
        model: takes them.
        tensors: name -> values.
        source: their file, for the message.
        optional: names that the model keeps its own tensors of where there are none.

    Raises:
        WeightsError: names that are missing or left over, other shapes or kinds of numbers, or numbers that are not
            finite; the message lists them.
    """
    source = Path(source)
    wanted = model.state_dict()
    _require_match(wanted, tensors, source, optional)
    unusable = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if unusable:
        raise WeightsError(f"{source}: NaN or infinite numbers in {_listed(sorted(unusable))}")
    model.load_state_dict({**wanted, **tensors})


def _require_match(
    wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], source: Path, optional: frozenset[str]
) -> None:
    common = sorted(wanted.keys() & tensors.keys())
    found = {
        "missing": sorted(wanted.keys() - tensors.keys() - optional),
        "unexpected": sorted(tensors.keys() - wanted.keys()),
        "of another shape": [
            f"{name} {tuple(tensors[name].shape)} for {tuple(wanted[name].shape)}"
            for name in common
            if tensors[name].shape != wanted[name].shape
        ],
        "of another kind of numbers": [
            f"{name} {tensors[name].dtype} for {wanted[name].dtype}"
            for name in common
            if (tensors[name].dtype in FLOATS) != wanted[name].is_floating_point()
            and (tensors[name].dtype, tensors[name].ndim) != (torch.bool, 0)  # a flag, which any number can stand for
        ],
    }
    problems = [f"{what}: {_listed(names)}" for what, names in found.items() if names]
    if prefix := _prefix(found["missing"], found["unexpected"]):
        problems.append(
            f"only a prefix seems to be wrong: save the tensors of {_shown(prefix)} alone, by their names without it"
        )
    if problems:
        raise WeightsError(f"{source}: not the weights of this model; {'; '.join(problems)}")


def _prefix(missing: list[str], unexpected: list[str]) -> str:
    """What stands before most of the names that are missing, where that is what they are missing by."""
    wanted = set(missing)
    before = Counter(
        name[: place + 1]
        for name in unexpected
        for place, character in enumerate(name)
        if character == "." and name[place + 1 :] in wanted
    )
    prefix, count = max(before.items(), key=lambda item: item[1], default=("", 0))
    return prefix if 2 * count > len(wanted) else ""


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(_shown, names[:SHOWN])) + more
