"""The Markdown of the repository, for tests: its pages, and their blocks of code."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]

FOLDERS = ("docs", "findings", "results", "quantizers", "autoencoders", "priors", "benchmarks", "tests")

PAGES = sorted([*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))])

COMPILED_ONLY = "<!-- compiled only: "
"""Begins the line above a block of Python that needs something that is not here."""


def name(page: Path) -> str:
    """A page by its path in the repository."""
    return page.relative_to(ROOT).as_posix()


def tokens(page: Path) -> list[Token]:
    """A page as Markdown reads it."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Block:
    """A fence on a page.

    Attributes:
        page: where it stands.
        line: the line of its fence, from 1.
        language: what is said after the fence; empty where nothing is.
        text: what stands in it.
        runs: False where the line above says that it is compiled only.
    """

    page: Path
    line: int
    language: str
    text: str
    runs: bool

    def __str__(self) -> str:
        return f"{name(self.page)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The name in its first line, `# mine.py`, if it is a file of this name."""
        found = re.match(r"# (\S+\.\w+)\n", self.text)
        return found[1] if found else None

    def commands(self) -> Iterator[list[str]]:
        """The words of each command in a block of shell."""
        for line in self.text.replace("\\\n", " ").splitlines():
            for command in line.split(" && "):
                words = shlex.split(command, comments=True)
                if words:
                    yield words


def blocks(*languages: str) -> list[Block]:
    """All fences in one of the languages, or all."""
    found = []
    for page in PAGES:
        lines = page.read_text(encoding="utf-8").splitlines()
        for token in tokens(page):
            if token.type == "fence" and (not languages or token.info in languages):
                first = token.map[0]
                runs = first == 0 or not lines[first - 1].startswith(COMPILED_ONLY)
                found.append(Block(page, first + 1, token.info, token.content, runs))
    return found


def write_files(folder: Path) -> None:
    """Write the files that the pages have the reader write."""
    for block in blocks("python", "yaml"):
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")
