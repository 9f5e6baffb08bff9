"""Pictures as files: SVG for zoom, PNG for pages, PDF for papers; equal pictures make equal files."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import matplotlib
from matplotlib.figure import Figure

from storage.paths import StrPath
from storage.whole_files import replacing

Format = Literal["svg", "png", "pdf"]

DPI = (150, 110, 80, 60)
"""Of a PNG: the first that keeps it below a megabyte, or the last."""

LARGEST = 10**6


def save(figure: Figure, folder: StrPath, stem: str, formats: Sequence[Format] = ("svg", "png")) -> list[Path]:
    """Write STEM.svg and its like whole or not at all, without dates or anything that changes from run to run."""
    folder = Path(folder)
    makers: dict[Format, Callable[[Figure], bytes]] = {"svg": svg, "png": _png, "pdf": _pdf}
    paths = []
    for kind in dict.fromkeys(formats):
        paths.append(folder / f"{stem}.{kind}")
        with replacing(paths[-1]) as temporary:
            temporary.write_bytes(makers[kind](figure))
    return paths


def svg(figure: Figure) -> bytes:
    """A figure as SVG; equal figures give equal bytes."""
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "quantizer-zoo-benchmark"}):
        figure.savefig(buffer, format="svg", dpi=DPI[0], metadata={"Date": None})
    return buffer.getvalue()


def _pdf(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": 42}):  # TrueType, which publishers ask for
        figure.savefig(buffer, format="pdf", dpi=DPI[0], metadata={"CreationDate": None})
    return buffer.getvalue()


def _png(figure: Figure) -> bytes:
    for dpi in DPI:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=dpi)
        if buffer.tell() < LARGEST:
            break
    return buffer.getvalue()
