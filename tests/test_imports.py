"""The arrows of the house: what each package and each room of `benchmarks` may import, as CONTRIBUTING says it."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PACKAGES = {
    "storage": set(),
    "quantizers": set(),
    "autoencoders": {"storage", "quantizers"},
    "priors": {"storage", "quantizers", "autoencoders"},
    "benchmarks": {"storage", "quantizers", "autoencoders", "priors"},
}
"""What each may import of this project."""

ROOMS = {
    "command_line": set(),
    "data": set(),
    "metrics": set(),
    "records": set(),
    "protocols": {"data", "metrics", "records"},
    "training": {"command_line", "data", "metrics", "records", "protocols"},
    "tables": {"command_line", "records", "protocols"},
    "plots": {"records", "protocols", "tables"},
}
"""Of `benchmarks`: what each may import of the others. All else in it are commands, which import rooms alone."""

OF_QUANTIZERS = {"torch", "einops", "jaxtyping", "triton"}
"""What `quantizers` may import from elsewhere (triton comes with torch); its contract check also stores a state."""


def modules(root: Path) -> dict[str, Path]:
    """Every module of the project by its dotted name."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
    }


def imports(path: Path, known: set[str]) -> Iterator[str]:
    """The modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else str(node.module) for name in full)


def place(module: str) -> str:
    """The room or command of `benchmarks` that a module belongs to; none for the package itself."""
    return [*module.split("."), ""][1]


def wrong(root: Path) -> list[str]:
    """A line for each import that no arrow allows."""
    found = modules(root)
    lines = []
    for module, path in found.items():
        package = module.split(".")[0]
        for imported in imports(path, set(found)):
            top = imported.split(".")[0]
            allowed = True
            if top in PACKAGES and top != package:
                allowed = top in PACKAGES[package]
            elif top == package == "benchmarks" and place(imported) != place(module):
                allowed = place(imported) in ROOMS.get(place(module), ROOMS)
            elif package == "quantizers" and top not in PACKAGES:
                allowed = top in OF_QUANTIZERS or top in sys.stdlib_module_names
                allowed |= top == "safetensors" and module.startswith("quantizers.testing.")
            if not allowed:
                lines.append(f"{module} imports {imported}")
    return lines


def test_every_room_is_there() -> None:
    assert all((ROOT / "benchmarks" / room).is_dir() for room in ROOMS)


NAMED = re.compile(rf"({'|'.join(PACKAGES)})(\.\w+)+")


def test_modules_that_are_named_in_text_are_there() -> None:
    found = modules(ROOT)
    for module, path in found.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAMED.fullmatch(node.value):
                assert {node.value, node.value.rpartition(".")[0]} & set(found), f"{module}: {node.value}"


def test_all_imports_go_one_way() -> None:
    assert wrong(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("benchmarks/run.py", "from benchmarks.compare import main"),
        ("benchmarks/sweep/plan.py", "from benchmarks import run"),
        ("benchmarks/records/record.py", "from benchmarks.tables import columns"),
        ("benchmarks/metrics/fid.py", "def f():\n    import benchmarks.training.loop"),
        ("benchmarks/tables/columns.py", "from benchmarks import report"),
        ("priors/prior.py", "import benchmarks"),
        ("autoencoders/tokenizer.py", "from priors import Prior"),
        ("quantizers/vq.py", "import numpy"),
    ],
)
def test_an_import_that_goes_another_way_is_found(file: str, line: str, tmp_path: Path) -> None:
    for name, path in modules(ROOT).items():
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text("" if name.count(".") else path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / file).write_text(line, encoding="utf-8")
    assert len(wrong(tmp_path)) == 1


def test_rooms_that_import_each_other_stand_in_no_circle() -> None:
    left = {room: set(of) for room, of in ROOMS.items()}
    while ready := {room for room, of in left.items() if not of & set(left)}:
        left = {room: of for room, of in left.items() if room not in ready}
    assert not left
