"""The report's HTML: sections, plots and the protocol's text put into the files of `template/`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from benchmarks.report.pictures import Picture
from benchmarks.report.sections import Section
from benchmarks.tables import summaries

PACKAGE = "benchmarks.report"

ARROWS = {"↑": "descending", "↓": "ascending"}
"""How a column is sorted first: the best on top."""


@dataclass(frozen=True)
class Source:
    """A script or style sheet that stands in the page.

    The page allows no other, by this hash: nothing that a record holds could ever run.
    """

    text: Markup
    hash: str


@dataclass(frozen=True)
class Protocol:
    """The text of a protocol."""

    of: str
    html: Markup


OF = {"reconstruction": "of pictures", "audio": "of sounds", "video": "of films"}
"""What each protocol of runs is of."""


def _text(name: str) -> str:
    return (files("benchmarks") / "protocols" / f"{name}.md").read_text(encoding="utf-8")


def page(sections: Sequence[tuple[Section, Sequence[Picture]]], left_out: int) -> str:
    """The whole file; equal contents give equal text.

    Args:
        sections: What is shown, each section with its plots.
        left_out: Number of files that could not be used; the page says so.
    """
    environment = Environment(
        loader=PackageLoader(PACKAGE, "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    measured = sorted({section.protocol for section, _ in sections})
    texts = {name: _text(name) for name in OF if any(each.partition("/")[0] == name for each in measured)}
    return environment.get_template("page.html").render(
        sections=sections,
        left_out=left_out,
        legend=summaries.LEGEND,
        protocols=[Protocol(OF[name], markdown(text, below=2)) for name, text in texts.items()],
        other_protocols=[each for each in measured if not any(f"`{each}`" in text for text in texts.values())],
        first_direction=lambda heading: ARROWS.get(heading[-1], "ascending"),
        script=source("page.js"),
        style=source("page.css"),
    )


def source(name: str) -> Source:
    """A file of `template/`, to stand in the page as it is."""
    text = (files(PACKAGE) / "template" / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Source(Markup(text), f"'sha256-{digest}'")


def markdown(text: str, below: int) -> Markup:
    """Markdown with tables as HTML, its headings `below` levels lower; HTML in it stays text."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + below)}"
    return Markup(parser.renderer.render(tokens, parser.options, {}))
