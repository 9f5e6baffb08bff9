"""Equations as MathML, made while the site is built: they need neither a script nor a network.

Written as GitHub shows them too: `$…$` in a line, and fences of the language `math`.
"""

import re
from typing import Any

from latex2mathml.converter import convert
from markdown import Extension, Markdown
from markdown.inlinepatterns import InlineProcessor
from mkdocs.config.defaults import MkDocsConfig

INLINE = r"(?<![\\$\w])\$(?![\s$])([^$\n]+(?:\n[^$\n]+)?)(?<![\s\\])\$(?![\w$])"

BAR = "<mo>&#x02016;</mo>"
"""Of a norm, which browsers take for an operator that stretches, with room around it, where an exponent follows."""

AFTER_CODE = 185
"""Priority: below code's, above that of everything that would take an equation's characters for Markdown."""


def mathml(latex: str, display: str) -> str:
    """An equation, on lines of its own or ("inline") in one; ValueError where a command of it is not known."""
    made = convert(latex, display=display).replace(BAR, BAR.replace(">", ' stretchy="false" lspace="0" rspace="0">', 1))
    if "\\" in made:
        raise ValueError(f"not an equation that can be shown: {latex}")
    return made


class Inline(InlineProcessor):
    """`$…$`"""

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[str, int, int]:  # type: ignore[override]
        return self.md.htmlStash.store(mathml(m[1], "inline")), m.start(0), m.end(0)


class Equations(Extension):
    """The inline ones; fences are those of superfences."""

    def extendMarkdown(self, md: Markdown) -> None:
        md.inlinePatterns.register(Inline(INLINE, md), "equation", AFTER_CODE)


def fence(source: str, *_: Any, **__: Any) -> str:
    """A fence of the language `math`."""
    return f'<div class="equation" tabindex="0">{mathml(source, "block")}</div>'


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add both to the Markdown that pages are written in."""
    config.markdown_extensions.append(Equations())
    fences = config.mdx_configs.setdefault("pymdownx.superfences", {}).setdefault("custom_fences", [])
    fences.append({"name": "math", "class": "math", "format": fence})
    return config
