"""Every relative link of every Markdown file leads to a file, and every anchor to a heading."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from documentation import PAGES, ROOT, name, tokens


def _targets(page: Path) -> Iterator[str]:
    for token in tokens(page):
        for part in token.children or ():
            target = part.attrGet("src") if part.type == "image" else part.attrGet("href")
            if target:
                yield str(target)


def _slug(heading: str) -> str:
    """What GitHub makes of a heading, as the site does."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _anchors(page: Path) -> set[str]:
    found = tokens(page)
    inline = [found[index + 1] for index, token in enumerate(found) if token.type == "heading_open"]
    headings = ["".join(part.content for part in token.children or ()) for token in inline]
    documented = re.findall(r"^::: (\S+)", page.read_text(encoding="utf-8"), re.MULTILINE)  # of an API page
    return {*map(_slug, headings), *documented}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in _targets(page):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not (found.is_file() and found.is_relative_to(ROOT)) or (anchor and anchor not in _anchors(found)):
            broken.append(target)
    assert broken == []


def test_links_are_found() -> None:
    targets = set(_targets(ROOT / "README.md"))
    assert {"results/plots/quick-imagenet-sample-rate-distortion.png", "docs/tutorials/your-data.md"} <= targets


def test_headings_are_found() -> None:
    assert {"reading-the-tables", "-and-bold", "what-they-cannot-tell"} <= _anchors(
        ROOT / "docs" / "tutorials" / "reading-the-tables.md"
    )
    assert "quantizers.VQ" in _anchors(ROOT / "docs" / "api" / "quantizers.md")
