"""What the pages owe their readers: a short README, a section for every quantizer, a command behind every table."""

import inspect
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from documentation import ROOT, tokens
from ruamel.yaml import YAML

from quantizers import list_quantizers, quantizer_class

README = ROOT / "README.md"

PARTS = ("Options", "Gradient", "Published", "Not for")

WRITERS = {
    "compare": ["table"],
    "compress": ["compression"],
    "explain": ["explain"],
    "sources": ["source-coding"],
    "stability": ["stability"],
}
"""The sections that a command writes unless --section names another."""

ALL_AT_ONCE = {
    "catalogue": ["quantizers", "pretrained-pictures", "pretrained-sounds", "pretrained-films"],
    "speed": ["speed", "speed-missed"],
}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_the_readme_is_two_screens() -> None:
    lines = _text(README).splitlines()
    assert len(lines) <= 180
    first = lines.index("```sh")
    assert first <= 4
    assert not any(line.startswith("```") for line in lines[:first])
    assert lines[first + 1].endswith(".venv/bin/python -m benchmarks.run --quantizer fsq")
    rows = [line for line in lines if line.startswith("|")]
    assert {row.count("|") - 1 for row in rows} == {8}
    shown = [[cell.strip(" *:-") for cell in row.strip("|").split("|")] for row in rows]
    assert sum(max(map(len, column)) + 3 for column in zip(*shown, strict=True)) <= 110
    assert sum(token.type == "table_open" for token in tokens(README)) == 1
    assert sum(part.type == "image" for token in tokens(README) for part in token.children or ()) == 1


@pytest.mark.parametrize("page", ["your-quantizer", "your-data", "your-checkpoint"])
def test_what_a_newcomer_wants_is_one_click_from_the_readme(page: str) -> None:
    assert f"](docs/tutorials/{page}.md)" in _text(README)


def test_the_report_is_one_command_from_the_readme() -> None:
    assert re.search(r"^\.venv/bin/python -m benchmarks\.report", _text(README), re.MULTILINE)


def test_every_quantizer_has_its_section() -> None:
    sections = re.split(r"^## ", _text(ROOT / "docs" / "quantizers.md"), flags=re.MULTILINE)
    by_name = {section.partition("\n")[0]: section for section in sections}
    for entry in list_quantizers():
        section = by_name[entry.name]
        for part in PARTS:
            assert section.count(f"\n- **{part}**: ") == 1, (entry.name, part)
        assert "```math" in section or entry.name == "none", entry.name
        parameters = inspect.signature(quantizer_class(entry.name)).parameters.values()
        for option in (each.name for each in parameters if each.kind is not inspect.Parameter.VAR_KEYWORD):
            assert f"`{option}`" in section, (entry.name, option)


def test_every_quantizer_stands_in_the_api() -> None:
    page = _text(ROOT / "docs" / "api" / "quantizers.md")
    for entry in list_quantizers():
        assert f"\n::: quantizers.{entry.quantizer.__name__}\n" in page


def test_every_table_that_a_command_writes_is_written_by_one_in_contributing() -> None:
    text = _text(ROOT / "CONTRIBUTING.md").replace("\\\n", " ")
    written = set()
    for command, rest in re.findall(r"python -m benchmarks\.(\w+)([^`\n#]*--readme [^`\n#]*)", text):
        path = re.search(r"--readme (\S+)", rest)
        section = re.search(r"--section (\S+)", rest)
        assert path
        names = ALL_AT_ONCE.get(command) or ([section[1]] if section else WRITERS[command])
        written |= {(path[1], name) for name in names}
    pages = [README, ROOT / "results" / "README.md", *(ROOT / "docs").rglob("*.md")]
    standing = set()
    for page in pages:
        for name in re.findall(r"^<!-- end of (\S+) -->$", _text(page), re.MULTILINE):
            assert _text(page).count(f"<!-- {name} -->") == 1
            standing.add((page.relative_to(ROOT).as_posix(), name))
    assert ("README.md", "table") in standing
    assert standing <= written


def test_the_citation_is_of_this_version() -> None:
    citation = YAML(typ="safe").load(_text(ROOT / "CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["version"] == version("quantizer-zoo-benchmark")
    assert citation["license"] == "MIT"
