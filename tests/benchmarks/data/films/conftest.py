"""Small folders of films to load from."""

from io import StringIO
from pathlib import Path

import pytest
from film_files import grey_film
from rich.console import Console


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven films of 24 frames, and more, in a tree of folders; by the rule 0 and 5 are test."""
    folder = tmp_path_factory.mktemp("made") / "films"
    for number in range(7):
        suffix = ("mp4", "mkv", "mov")[number % 3]
        grey_film(folder / f"place{number // 3}" / f"{number:02}.{suffix}", 24 + 4 * number)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of them, to change."""
    for path in made.rglob("*.*"):
        copy = tmp_path / "films" / path.relative_to(made)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return tmp_path / "films"


@pytest.fixture
def console() -> Console:
    """A console whose output is read by `console.file.getvalue()`."""
    return Console(file=StringIO(), width=200)
