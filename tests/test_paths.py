"""Public functions take paths as text too: their signatures say so, and mypy sees to it that they can."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch

from autoencoders.pictures.loss_config import LossConfig
from autoencoders.pretrained import WeightsError, list_pretrained, load_pretrained
from autoencoders.sizes import BACKBONES
from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.sources import open_source
from benchmarks.records.files import RecordError
from benchmarks.records.grids import save_grid
from benchmarks.records.record import read_record, read_records
from benchmarks.training.settings import Settings, TrainConfig
from priors import GPTConfig, MaskGITConfig
from priors.token_set import TokenSet, TokenSetError
from storage.checkpoint import load_tree, save_tree

ROOT = Path(__file__).parents[1]

LIBRARIES = [
    *("storage", "autoencoders", "priors"),
    *(f"benchmarks/{room}" for room in ("command_line", "data", "metrics", "records", "protocols")),
    *(f"benchmarks/{room}" for room in ("training", "tables", "plots")),
]
"""All but commands, whose paths tyro makes."""


def public_functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Functions, and methods of classes, whose names do not begin with an underscore."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body)
        elif isinstance(node, ast.FunctionDef) and (node.name == "__init__" or not node.name.startswith("_")):
            yield node


def paths_alone(function: ast.FunctionDef) -> Iterator[str]:
    """Names of the parameters that are paths, or several of them, and no text."""
    alone = {"Path", "Path | None", "Sequence[Path]", "Iterable[Path]", "list[Path]"}
    for parameter in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]:
        if parameter.annotation is not None and ast.unparse(parameter.annotation) in alone:
            yield parameter.arg


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_public_function_wants_a_path_object(library: str) -> None:
    files = sorted((ROOT / library).rglob("*.py"))
    assert files
    wanting = [
        f"{path.relative_to(ROOT)}: {function.name}({name})"
        for path in files
        for function in public_functions(ast.parse(path.read_text(encoding="utf-8")).body)
        for name in paths_alone(function)
    ]
    assert wanting == []


def test_text_is_a_path(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    for model in list_pretrained():
        with pytest.raises(WeightsError, match="nowhere"):
            load_pretrained(model.name, path=nowhere)
    with pytest.raises(RecordError, match="nowhere"):
        read_record(nowhere)
    with pytest.raises(TokenSetError, match="nowhere"):
        TokenSet.open(nowhere)
    assert read_records([str(tmp_path)]) == ([], [])
    save_tree(str(tmp_path / "tree.safetensors"), {"a": torch.ones(2)})
    assert load_tree(str(tmp_path / "tree.safetensors"))["a"].tolist() == [1, 1]
    save_grid(str(tmp_path / "grid.png"), {"one": np.zeros((1, 3, 8, 8), np.uint8)})
    assert (tmp_path / "grid.png").stat().st_size


def test_configurations_cannot_tell_text_from_paths(tmp_path: Path) -> None:
    folder, file = tmp_path / "pictures", tmp_path / "weights.pth"
    assert DataConfig(source=folder) == DataConfig(source=str(folder))  # type: ignore[arg-type]
    assert DataConfig(root=str(folder)) == DataConfig(root=folder)  # type: ignore[arg-type]
    assert LossConfig(lpips_backbone=str(file)) == LossConfig(lpips_backbone=file)  # type: ignore[arg-type]
    assert Settings(start=str(file)) == Settings(start=file)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="pictures"):
        open_source(DataConfig(source=folder))  # type: ignore[arg-type]


CONFIGURATIONS = {DataConfig: {"source", "root"}, LossConfig: {"lpips_backbone"}, Settings: {"start"}}


def test_no_other_configuration_has_a_path() -> None:
    """Of those that are stored, which Python code makes as well as flags."""
    for kind in (*CONFIGURATIONS, TrainConfig, *BACKBONES.values(), GPTConfig, MaskGITConfig):
        paths = {name for name, of in get_type_hints(kind).items() if Path in (of, *get_args(of))}
        assert paths <= CONFIGURATIONS.get(kind, set())
