"""Pictures as files: SVG for paper and zoom, PNG for pages; equal pictures make equal files."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from storage.paths import StrPath
from storage.whole_files import replacing

DPI = (150, 110, 80, 60)
"""Of a PNG: the first that keeps it below a megabyte, or the last."""

LARGEST = 10**6


def save(figure: Figure, folder: StrPath, stem: str) -> list[Path]:
    """Write STEM.svg and STEM.png whole or not at all, without dates or anything else that changes from run to run."""
    folder = Path(folder)
    paths = []
    for kind, content in (("svg", svg(figure)), ("png", _png(figure))):
        paths.append(folder / f"{stem}.{kind}")
        with replacing(paths[-1]) as temporary:
            temporary.write_bytes(content)
    return paths


def svg(figure: Figure) -> bytes:
    """A figure as SVG; equal figures give equal bytes."""
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "quantizer-zoo-benchmark"}):
        figure.savefig(buffer, format="svg", dpi=DPI[0], metadata={"Date": None})
    return buffer.getvalue()


def _png(figure: Figure) -> bytes:
    for dpi in DPI:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=dpi)
        if buffer.tell() < LARGEST:
            break
    return buffer.getvalue()
