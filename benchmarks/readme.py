"""Text that commands put into the README, between two lines that name it."""

from __future__ import annotations

from pathlib import Path


def put_between_markers(path: Path, name: str, text: str) -> None:
    """Replace what stands in a file between the lines <!-- NAME --> and <!-- end of NAME -->.

    Raises:
        ValueError: the file has no such lines.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{path} has no lines {begin} and {end} to put the text between")
    path.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8")
