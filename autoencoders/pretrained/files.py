"""Files of weights, read so that nothing in them is run, and put into a model so that nothing is left over."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

SHOWN = 8
"""Names of tensors in a message at most."""


class WeightsError(ValueError):
    """A file of weights that cannot be used; the message says why."""


def read_tensors(path: Path, parts: Sequence[str] = ("state_dict",)) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of one by `torch.save`, on the CPU.

    Of the latter only tensors and plain containers are read (`weights_only`); anything else in it is refused, not run.

    Args:
        path: the file.
        parts: names of dictionaries in it; the first that is there is taken for the whole. Lightning has `state_dict`.

    Raises:
        WeightsError: no such file, a damaged one, or one with other things than tensors.
    """
    if not path.is_file():
        raise WeightsError(f"there is no file {path}")
    try:
        found = load_file(path) if path.suffix == ".safetensors" else _read_pickle(path, parts)
    except (SafetensorError, OSError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path}: damaged, or no file of weights ({_first_line(error)})") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: holds more than tensors, which is not read since it could run code ({_first_line(error)}); "
            "have it saved again as safetensors by somebody who trusts it"
        ) from error
    return found


def _read_pickle(path: Path, parts: Sequence[str]) -> dict[str, Tensor]:
    content = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(content, Mapping):
        content = next((content[part] for part in parts if isinstance(content.get(part), Mapping)), content)
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path}: holds a {type(content).__name__}, not tensors by name")
    return {str(name): tensor for name, tensor in content.items() if isinstance(tensor, Tensor)}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def fill(model: nn.Module, tensors: Mapping[str, Tensor], source: Path, optional: frozenset[str] = frozenset()) -> None:
    """Put tensors into a model by name.

    Args:
        model: takes them.
        tensors: name -> values.
        source: their file, for the message.
        optional: names that the model keeps its own tensors of where there are none.

    Raises:
        WeightsError: names that are missing or left over, or other shapes; the message lists them.
    """
    wanted = model.state_dict()
    problems = []
    missing = wanted.keys() - tensors.keys() - optional
    left_over = tensors.keys() - wanted.keys()
    shapes = [
        f"{name} {tuple(tensors[name].shape)} for {tuple(wanted[name].shape)}"
        for name in sorted(wanted.keys() & tensors.keys())
        if tensors[name].shape != wanted[name].shape
    ]
    for what, names in (("missing", sorted(missing)), ("unexpected", sorted(left_over)), ("of another shape", shapes)):
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            problems.append(f"{what}: {', '.join(names[:SHOWN])}{more}")
    if problems:
        raise WeightsError(f"{source}: not the weights of this model; {'; '.join(problems)}")
    model.load_state_dict({**wanted, **tensors})
