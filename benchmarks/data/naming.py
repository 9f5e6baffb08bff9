"""What `--data` says: a kind of source, its name, and which of its splits train and test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple, cast

from benchmarks.data.config import DataError
from benchmarks.data.folder import TEST_FOLDERS

Scheme = Literal["photographs", "torchvision", "huggingface", "texture", "moving", "path"]


class SourceName(NamedTuple):
    """A data source in its parts.

    Attributes:
        scheme: What kind of source it is; what is none of the others is a path, also one with a colon in its name.
        name: What it is called there.
        splits: The one that trains and the one that tests; or one that is to be divided; none: by the source's rule.
    """

    scheme: Scheme
    name: str
    splits: tuple[str, ...] = ()


def parse_source(source: str) -> SourceName:
    """ "huggingface:beans#train,validation" in its parts.

    A path that exists is a path as it stands, whatever signs are in it. Raises DataError for a choice of splits that
    is none.
    """
    scheme, _, name = source.partition(":")
    if source.partition("#")[0] == "photographs":
        scheme, name = "photographs", source
    elif scheme not in ("torchvision", "huggingface", "texture", "moving") or not name:
        scheme, name = "path", source
    kind = cast(Scheme, scheme)
    name_alone, sign, chosen = name.rpartition("#")
    if not sign or "/" in chosen or Path(name).expanduser().exists():
        return SourceName(kind, name)
    splits = tuple(chosen.split(","))
    if len(splits) > 2 or not all(splits) or len(set(splits)) < len(splits):
        raise DataError(
            f"{source}: after # stand the split that trains and the one that tests, as #train,validation, or one split "
            "alone, every fifth of which tests"
        )
    return SourceName(kind, name_alone, splits)


def short_name(source: str) -> str:
    """A name for the data that may also name a folder of results; of SET/test it is SET-test."""
    scheme, name, splits = parse_source(source)
    path = Path(name).expanduser().resolve()
    if scheme == "moving":
        name = short_name(name)
    if scheme != "path":
        name = path.name if scheme == "texture" else name
        words = f"{scheme}:{name}" if scheme != name else name
    elif not path.is_dir():
        words = re.sub(r"[^\w.]+", "-", path.name.removesuffix(".tar")).strip("-")
    elif path.name in ("train", *TEST_FOLDERS):
        words = f"{path.parent.name}-{path.name}"
    else:
        words = path.name
    return re.sub(r"[^\w.-]+", "-", "-".join((words, *splits))) or "folder"
