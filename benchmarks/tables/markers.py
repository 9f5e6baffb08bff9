"""Text that commands put into the README, between two lines that name it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.command_line.usage import UsageError
from storage.paths import StrPath


def around_markers(path: StrPath, name: str) -> tuple[str, str]:
    """What stands in a file up to the line <!-- NAME --> and from the line <!-- end of NAME --> on.

    Raises:
        UsageError: the file cannot be read or has no such lines; ask before long work.
    """
    path = Path(path)
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    try:
        before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    except OSError as error:
        raise UsageError(f"cannot read --readme {path}: {error.strerror}") from error
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise UsageError(f"{path} has no lines {begin} and {end} to put the text between")
    return before + begin, end + after


def put_between_markers(path: StrPath, name: str, text: str) -> None:
    """Replace what stands between the two lines. UsageError as `around_markers`."""
    path = Path(path)
    before, after = around_markers(path, name)
    path.write_text("\n\n".join([before, text.strip(), after]), encoding="utf-8")
