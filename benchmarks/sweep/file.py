"""The YAML file of a sweep: its keys, their types, and where in the file a mistake is."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    create_model,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from autoencoders.ranges import Bits, Seed
from benchmarks.command_line.usage import UsageError
from benchmarks.records import baselines
from benchmarks.training.arguments import Arguments
from benchmarks.training.settings import PresetName
from quantizers import quantizer_class

SAID_ELSEWHERE = {"quantizer", "bits", "seed", "preset", "options", "output", "force", "list", "data.source"}
"""Flags of `benchmarks.run` that are keys of their own in the file, or make no sense there."""


def flags_of(configuration: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The flags that a configuration is on the command line, "train.batch-size", each with its type."""
    hints = get_type_hints(configuration, include_extras=True)
    for field in fields(configuration):
        name, kind = prefix + field.name.replace("_", "-"), hints[field.name]
        bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
        parts = [part for part in get_args(bare) or (bare,) if is_dataclass(part)]  # several: of signals, or backbones
        if parts:
            for part in parts:
                yield from flags_of(cast(type, part), f"{name}.")
        elif name not in SAID_ELSEWHERE:
            yield name, kind


def _flags() -> dict[str, Any]:
    """Each once; one that several signals or backbones have with all the types that it has there."""
    flags: dict[str, Any] = {}
    for name, kind in flags_of(Arguments):
        flags[name] = flags[name] | kind if name in flags and flags[name] != kind else kind
    return flags


FLAGS = _flags()
"""What `settings` may change, and the types of the values."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, protected_namespaces=())


_SettingsFields: dict[str, Any] = {
    name.replace(".", "_").replace("-", "_"): (
        kind,
        Field(None, validation_alias=AliasChoices(name, name.replace("-", "_")), serialization_alias=name),
    )
    for name, kind in FLAGS.items()
}
SettingsPart = create_model("SettingsPart", __base__=_Part, **_SettingsFields)
"""Flags by their dotted names; those that are given replace the preset's."""


def _known(name: str) -> str:
    if name not in ("all", *baselines.NAMES):
        quantizer_class(name)
    return name


_listed = BeforeValidator(lambda value: value if isinstance(value, list) else [value])


class Group(_Part):
    """Runs: every one of the quantizers at every rate, with every seed and all options."""

    quantizers: Annotated[list[Annotated[str, AfterValidator(_known)]], Field(min_length=1), _listed]
    """Names, package.module:Class for your own, or "all"."""
    bits: Annotated[list[Bits], _listed] = [10]
    """Bits per position; [] leaves the rate to the options."""
    seeds: Annotated[list[Seed], Field(min_length=1), _listed] = [0]
    options: Annotated[list[dict[str, JsonValue]], Field(min_length=1), _listed] = [{}]
    """Options of the quantizers; of a list of them, each makes runs of its own."""
    settings: SettingsPart = SettingsPart()  # type: ignore[valid-type]
    """Flags of benchmarks.run that differ from the preset's, beside those of the whole file."""


class Sweep(_Part):
    """What the file says."""

    preset: PresetName = "quick"
    data: str | None = None
    """As --data of benchmarks.run; by default the preset's."""
    output: Path = Path("runs")
    """Folder that runs are stored in; like all paths from the folder that the command is given in."""
    settings: SettingsPart = SettingsPart()  # type: ignore[valid-type]
    """Flags of benchmarks.run that differ from the preset's, for all runs."""
    runs: Annotated[list[Group], Field(min_length=1)]


@dataclass(frozen=True)
class SweepFile:
    """A file that was read, and its content."""

    path: Path
    tree: Any
    """As ruamel.yaml read it, with the lines of its keys."""
    sweep: Sweep
    flags: Collection[str] = ()
    """Keys that flags gave in the file's place."""

    def place(self, *where: str | int) -> str:
        """ "sweep.yaml, line 7, runs[1].bits" for the keys and numbers that lead there; "--data" of a flag."""
        if where and where[0] in self.flags:
            return f"--{where[0]}"
        return place(self.path, self.tree, where)


def read_sweep(path: Path, flags: Mapping[str, Any] = MappingProxyType({})) -> SweepFile:
    """Read and check a file; `flags` stand in the place of its own keys of these names.

    Raises:
        UsageError: it cannot be read, is no YAML, or does not say what to run; a line for each mistake, with its place.
    """
    try:
        tree = YAML().load(path.read_text(encoding="utf-8"))
        # As JSON, so that pydantic's strict types allow what YAML cannot say: tuples and paths.
        text = json.dumps(tree, default=str)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(f"cannot read {path}: {reason}; name the YAML file of a sweep") from error
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = " ".join(filter(None, (error.context, error.problem))).splitlines()[0]
        raise UsageError(f"{path}{line}: this is no YAML: {problem}") from error
    except (YAMLError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: this is no YAML of plain keys and values: {str(error).splitlines()[0]}") from error
    try:
        return SweepFile(path, tree, Sweep.model_validate_json(text).model_copy(update=dict(flags)), [*flags])
    except ValidationError as error:
        sentences = [f"{place(path, tree, each['loc'])}: {_sentence(each)}" for each in error.errors()]
        raise UsageError("\n".join(sentences)) from error


def place(path: Path, tree: Any, where: tuple[str | int, ...]) -> str:
    """Where in the file the value is that keys and numbers lead to: the line of the last of them that is there."""
    line, name = None, ""
    for key in where:
        positions = getattr(getattr(tree, "lc", None), "data", None) or {}
        if key in positions:
            line, tree = positions[key][0] + 1, tree[key]
        name += f"[{key}]" if isinstance(key, int) else f".{key}"
    return ", ".join([str(path), *([f"line {line}"] if line else []), *([name.lstrip(".")] if name else [])])


EXPECTED = {
    "missing": "this key is missing",
    "too_short": "expected at least one",
    "list_type": "expected a list",
    **dict.fromkeys(("model_type", "dict_type"), "expected keys with values"),
}
"""pydantic's errors in the words of YAML."""


def _sentence(error: Any) -> str:
    """A mistake that pydantic found, for the person who wrote the file."""
    where, kind = error["loc"], error["type"]
    if kind == "extra_forbidden":
        *parents, key = where
        if parents and parents[-1] == "settings":
            known = list(FLAGS)
            near = difflib.get_close_matches(str(key), known, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else "python -m benchmarks.run --help lists them"
            return f"benchmarks.run has no such setting: {hint}"
        return f"there is no such key; here can be {', '.join((Group if parents else Sweep).model_fields)}"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    found = json.dumps(error["input"], default=str)
    message = EXPECTED.get(kind, error["msg"].replace("Input should be", "expected"))
    return message if kind == "missing" else f"{message}, found {found if len(found) < 60 else f'{found[:57]}...'}"
