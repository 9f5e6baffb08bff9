"""The README's list of quantizers is the registry's."""

import subprocess
import sys
from pathlib import Path

from benchmarks.catalogue import catalogue
from quantizers import list_quantizers

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_lists_the_registry():
    assert catalogue() in README.read_text(encoding="utf-8")
    for entry in list_quantizers():
        assert f"`{entry.name}`" in catalogue()


def test_command_writes_between_the_markers(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- quantizers -->\nold\n<!-- end of quantizers -->\nafter\n")
    command = [sys.executable, "-m", "benchmarks.catalogue", "--readme", str(page)]
    assert subprocess.run(command, check=False).returncode == 0
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("before\n<!-- quantizers -->\n\n|")
    assert text.endswith("|\n\n<!-- end of quantizers -->\nafter\n")


def test_a_file_without_a_place_for_it(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing")
    command = [sys.executable, "-m", "benchmarks.catalogue", "--readme", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no lines <!-- quantizers -->" in done.stderr
    assert page.read_text() == "nothing"
