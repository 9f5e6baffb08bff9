"""How methods look: each has one colour, marker and line, in every picture and whatever else is drawn."""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
"""Okabe and Ito's, which the colour-blind can tell apart; yellow is too light for lines on white."""

MARKERS = (*((shape, "full") for shape in "osD^v<>pPXd"), *((shape, "left") for shape in "osD^v<>"))
"""Shapes and how they are filled: eighteen that stay apart when small. Half filled is the left half."""

MARKERS_OF_OPTIONS = 16
"""So many of them are for methods with options. Not to be changed: pictures made before stay true."""

LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))

PLACES = (
    *("vq-ema", "fsq", "lfq", "rq", "gumbel", "vq", "bsq"),
    *("vq-cosine", "pq", "simvq", "ibq", "multi-scale", "fvq", "fsp", "diveq", "leech", "lgq", "gq"),
)
"""Methods in the order in which they take colours, markers and lines. Append only: pictures made before stay true."""

BASELINES: dict[str, dict[str, Any]] = {
    "block-mean": {"color": "black", "marker": "none", "linestyle": ":"},
    "pca": {"color": "0.45", "marker": "none", "linestyle": "-."},
    "kmeans": {"color": "0.45", "marker": "x", "linestyle": (0, (1, 1))},
    "none": {"color": "black", "marker": "*", "linestyle": "--"},
    "opus": {"color": "black", "marker": "o", "linestyle": (0, (6, 1))},
    "mp3": {"color": "black", "marker": "s", "linestyle": (0, (3, 1, 1, 1, 1, 1))},
    "mdct-kmeans": {"color": "0.45", "marker": "x", "linestyle": (0, (2, 2))},
    "h264": {"color": "black", "marker": "^", "linestyle": (0, (8, 2))},
    "hevc": {"color": "black", "marker": "D", "linestyle": (0, (8, 2, 2, 2))},
    "av1": {"color": "black", "marker": "v", "linestyle": (0, (8, 1, 1, 1, 1, 1))},
}

GRID: dict[str, Any] = {"color": "0.88", "linewidth": 0.5}

LEGEND_WIDTH = 28
"""Characters of a line in a legend."""

LEGEND_LINE = 0.165
"""Inches of a line in a legend."""


def style(label: str) -> dict[str, Any]:
    """Colour, marker and line of a method.

    The three cycles have lengths without a common divisor, so that grey prints can be read too and no two places look
    alike. A method with options has the colour of its name, a line of its own, and a marker that is not filled.

    Args:
        label: As `comparable.label` writes it: a name, and options after a space.
    """
    name, _, options = label.partition(" ")
    if name in BASELINES:
        return dict(BASELINES[name])
    place = _place(name)
    if not options:
        return _at(place, place, place)
    marker, line = divmod(_digest(options), len(LINES))
    return {**_at(place, marker % MARKERS_OF_OPTIONS, line), "fillstyle": "none"}


def _at(colour: int, marker: int, line: int) -> dict[str, Any]:
    shape, filled = MARKERS[marker % len(MARKERS)]
    return {
        **{"color": COLOURS[colour % len(COLOURS)], "linestyle": LINES[line % len(LINES)]},
        **{"marker": shape, "fillstyle": filled, "markerfacecoloralt": "white"},
    }


def _place(name: str) -> int:
    """A method that is not listed, such as a class from elsewhere, takes one of the places after the list."""
    if name in PLACES:
        return PLACES.index(name)
    free = len(COLOURS) * len(MARKERS) * len(LINES) - len(PLACES)
    return len(PLACES) + _digest(name) % free


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def handles(labels: Iterable[str], **changes: Any) -> list[Line2D]:
    """What a legend shows of methods.

    Args:
        changes: Of their style, e.g. linestyle="none" where they are points.
    """
    return [Line2D([], [], label=wrapped(label, LEGEND_WIDTH), **{**style(label), **changes}) for label in labels]


def draw_legend(figure: Figure, entries: Sequence[Line2D]) -> None:
    """A legend at the right of the figure, which grows where it is not high enough for it."""
    lines = sum(str(entry.get_label()).count("\n") + 1.3 for entry in entries)
    figure.set_figheight(max(figure.get_figheight(), LEGEND_LINE * lines + 1))
    figure.legend(handles=entries, loc="outside right center", frameon=False, fontsize=8, handlelength=3.5)


class _Wrapper(textwrap.TextWrapper):
    """Breaks words after a hyphen or, as no other does, an underscore: options have long names."""

    wordsep_re = re.compile(r"(\s+|[^\s_-]+[_-](?=[^\W\d]))")


def wrapped(text: str, width: int) -> str:
    """Text in lines of at most `width` characters."""
    return _Wrapper(width=max(1, width)).fill(text)
