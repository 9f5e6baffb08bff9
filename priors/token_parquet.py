"""Shards as Apache Parquet: a row for each picture, which pyarrow, pandas and Hugging Face `datasets` read.

Columns are `name`, `label` where there are classes, and `codes.NAME` of each map: lists in lists, of the shape (codes
per position, *grid).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from priors.token_content import LABEL_KIND, LABELS, METADATA, Stored, length_name, parse_about, tensor_name
from priors.token_index import Contents, TokenSetError
from storage.paths import StrPath

if TYPE_CHECKING:
    import pyarrow as pa

NAME, LABEL = "name", "label"

GROUP = 1024
"""Rows that are read together at least."""


def require_package() -> None:
    """TokenSetError where pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise TokenSetError(
            "token sets of parquet files need pyarrow: pip install 'quantizer-zoo-benchmark[parquet]'"
        ) from error


def write(path: StrPath, contents: Contents, stored: Stored) -> None:
    """Write a shard."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {NAME: pa.array(stored.names, pa.string())}
    if contents.classes:
        columns[LABEL] = pa.array(stored.tensors[LABELS].numpy())
    for name in contents.maps:
        lengths = stored.tensors[length_name(name)] if contents.has_lengths else None
        columns[tensor_name(name)] = _lists(stored.tensors[tensor_name(name)], lengths)
    table = pa.table(columns).replace_schema_metadata({METADATA: json.dumps(stored.about)})
    pq.write_table(table, path, row_group_size=GROUP)


def read(path: StrPath, contents: Contents) -> Stored:
    """A shard. ValueError or OSError for a file that is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with Path(path).open("rb") as file:
            table = pq.read_table(file)
        about = parse_about((table.schema.metadata or {}).get(METADATA.encode()))
        tensors: dict[str, Tensor] = {}
        for name in contents.maps:
            tensors |= _tensors(name, _column(table, tensor_name(name)), contents)
        if contents.classes:
            labels = _column(table, LABEL)
            if labels.type != pa.int32():
                raise ValueError(f"labels of the kind {labels.type}")
            tensors[LABELS] = torch.tensor(labels.to_numpy(), dtype=LABEL_KIND)
        names = _column(table, NAME)
        if names.type != pa.string():
            raise ValueError(f"names of the kind {names.type}")
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    return Stored(about, names.to_pylist(), tensors)


def head(path: StrPath) -> dict[str, Any]:
    """What a shard says of itself, without its pictures. ValueError or OSError for a file that is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with Path(path).open("rb") as file:
            return parse_about((pq.read_schema(file).metadata or {}).get(METADATA.encode()))
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def _lists(codes: Tensor, lengths: Tensor | None) -> pa.Array:
    """The codes as lists: (n, c, *grid) of one size each in the other; or (all positions, c), of items of these
    lengths, each in c lists as long as it."""
    import pyarrow as pa

    if lengths is None:
        found = pa.array(codes.numpy().ravel())
        for side in reversed(codes.shape[1:]):
            found = pa.FixedSizeListArray.from_arrays(found, side)
        return found
    each = codes.shape[1]
    parts = [part.mT.reshape(-1) for part in codes.split(lengths.tolist())]
    ends = lengths.repeat_interleave(each).cumsum(0)
    offsets = pa.array(np.concatenate([[0], ends.numpy()]).astype(np.int32))
    rows = pa.ListArray.from_arrays(offsets, pa.array(torch.cat(parts).numpy()))
    return pa.FixedSizeListArray.from_arrays(rows, each)


def _tensors(name: str, lists: pa.Array, contents: Contents) -> dict[str, Tensor]:
    """The tensors of a map, from its lists."""
    import pyarrow as pa

    count, shape, lengths = len(lists), [], None
    while not pa.types.is_integer(lists.type):
        if pa.types.is_fixed_size_list(lists.type) and lengths is None:
            shape.append(lists.type.list_size)
        elif pa.types.is_list(lists.type) and lengths is None and contents.has_lengths and len(shape) == 1:
            lengths = torch.tensor(lists.value_lengths().to_numpy()).long().view(count, *shape)
        else:
            raise ValueError(f"codes of the kind {lists.type}")
        lists = lists.flatten()
        if lists.null_count:
            raise ValueError("codes that are missing")
    codes = torch.tensor(lists.to_numpy())
    if lengths is None:
        return {tensor_name(name): codes.view(count, *shape)}
    if (lengths != lengths[:, :1]).any():
        raise ValueError("codes of a position that are not equally many")
    each = [part.view(shape[0], -1).mT for part in codes.split(lengths.sum(1).tolist())]
    return {tensor_name(name): torch.cat(each).contiguous(), length_name(name): lengths[:, 0].contiguous()}


def _column(table: pa.Table, name: str) -> pa.Array:
    if table.schema.names.count(name) != 1:
        raise ValueError(f"it has no column {name}")
    column = table[name].combine_chunks()
    if column.null_count:
        raise ValueError(f"the column {name} has gaps")
    return column
