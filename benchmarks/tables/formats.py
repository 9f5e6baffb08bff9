"""Tables of text in the forms that people ask for: terminal, Markdown, LaTeX and HTML."""

from __future__ import annotations

import html as markup
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table


class Cell(NamedTuple):
    """What stands in a table, and whether it stands out."""

    text: str
    bold: bool = False


class NumberColumn(NamedTuple):
    """A number of a row: its name in the csv, its heading, and how it is written."""

    name: str
    heading: str
    style: str


class Titled(NamedTuple):
    """A table of `Cell`s, its first column naming the rows, what all its rows share, and what to know before reading
    it."""

    title: str
    cells: pd.DataFrame
    remark: str = ""


LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    **{character: "\\" + character for character in "&%$#_{}"},
    **{"±": r"$\pm$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "–": "--", "×": r"$\times$", "·": r"$\cdot$"},
    **{"≤": r"$\le$", "−": "$-$", "▲": r"$\blacktriangle$", "▼": r"$\blacktriangledown$"},
}
"""Characters that mean something to LaTeX, or that its fonts lack."""


def print_tables(tables: Sequence[Titled], console: Console, remarks: Sequence[str] = ()) -> None:
    """All tables on a terminal, each under its title and in as many parts as its columns need lines; then the remarks.

    Every part repeats the names of the rows.
    """
    for title, cells, remark in tables:
        console.print(f"[bold]{escape(title)}[/]", soft_wrap=True, highlight=False)
        console.print(*_parts(cells, console.width), sep="\n")
        if remark:
            console.print(f"[bold yellow]{escape(remark)}[/]", soft_wrap=True, highlight=False)
    for line in remarks:
        console.print(escape(line), soft_wrap=True, highlight=False)


def _parts(cells: pd.DataFrame, width: int) -> list[Table]:
    widths = {name: max(len(name), *cells[name].map(lambda cell: len(cell.text))) + 3 for name in cells.columns}
    first, *others = cells.columns
    lines: list[list[str]] = [[]]
    for name in others:
        if lines[-1] and widths[first] + 1 + sum(widths[other] for other in [*lines[-1], name]) > width:
            lines.append([])
        lines[-1].append(name)
    parts = []
    for names in lines:
        table = Table(header_style="bold")
        table.add_column(escape(first), no_wrap=True)
        for name in names:
            table.add_column(escape(name), justify="right", no_wrap=True)
        for row in cells[[first, *names]].itertuples(index=False):
            table.add_row(*(f"[bold green]{escape(text)}[/]" if bold else escape(text) for text, bold in row))
        parts.append(table)
    return parts


def markdown(tables: Sequence[Titled]) -> str:
    """Pipe tables, each under its title."""

    def parts(titled: Titled) -> str:
        text = _written(titled.cells, lambda text: text.replace("|", r"\|"), "**{}**")
        align = ["left"] + ["right"] * (len(text.columns) - 1)
        table = text.to_markdown(index=False, disable_numparse=True, colalign=align)
        remark = f"\n**{titled.remark}**\n" if titled.remark else ""
        return f"**{titled.title}**\n\n{table}\n{remark}"

    return "\n".join(map(parts, tables))


def latex(tables: Sequence[Titled]) -> str:
    r"""`table` environments with their titles as captions; for the packages booktabs and amssymb."""

    def parts(titled: Titled) -> str:
        text = _written(titled.cells, _latex_text, r"\textbf{{{}}}")
        columns = "l" + "r" * (len(text.columns) - 1)
        lines = [" & ".join(row) + r" \\" for row in text.itertuples(index=False)]
        head = " & ".join(text.columns) + r" \\"
        body = [r"\toprule", head, r"\midrule", *lines, r"\bottomrule"]
        return "\n".join(
            [
                r"\begin{table}",
                r"\centering",
                rf"\caption{{{_latex_text(titled.title)}}}",
                rf"\begin{{tabular}}{{{columns}}}",
                *body,
                r"\end{tabular}",
                *([rf"\par {_latex_text(titled.remark)}"] if titled.remark else []),
                r"\end{table}",
                "",
            ]
        )

    return "\n".join(map(parts, tables))


def _latex_text(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in text)


def html(tables: Sequence[Titled]) -> str:
    """`table` elements with their titles as captions, to be put into a page."""

    def row(tag: str, texts: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{text}</{tag}>" for text in texts) + "</tr>"

    def parts(titled: Titled) -> str:
        text = _written(titled.cells, markup.escape, "<strong>{}</strong>")
        rows = "\n".join(row("td", line) for line in text.itertuples(index=False))
        head = row("th", list(text.columns))
        return (
            f"<table>\n<caption>{markup.escape(titled.title)}</caption>\n"
            f"<thead>{head}</thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n"
            + (f"<p><strong>{markup.escape(titled.remark)}</strong></p>\n" if titled.remark else "")
        )

    return "\n".join(map(parts, tables))


def _written(cells: pd.DataFrame, written: Callable[[str], str], bold: str) -> pd.DataFrame:
    """The texts as a format writes them."""
    text = cells.map(lambda cell: bold.format(written(cell.text)) if cell.bold else written(cell.text))
    return text.rename(columns=written)
