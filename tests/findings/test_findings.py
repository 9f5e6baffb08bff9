"""The form of findings, as CONTRIBUTING states it. None is run: each installs its packages anew."""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from documentation import ROOT

README = ROOT / "findings" / "README.md"
SCRIPTS = sorted((ROOT / "findings").glob("*.sh"))

LABELS = ("Versions", "Expected", "Seen", "Hurts", "Instead")
OURS = {"storage", "quantizers", "autoencoders", "priors", "benchmarks"}

START = """set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet """
"""How every script goes on after its header: whatever it makes lies in a folder that goes with it."""


def header(script: str) -> tuple[str, dict[str, str]]:
    """What is found, in a sentence, and the paragraphs below it by their labels, each on one line."""
    found = re.match(r"#!/usr/bin/env bash\n# (.+)\n#\n((?:# .*\n)+)", script)
    if not found:
        return "", {}
    text = re.sub(r"\n# *", " ", "\n" + found[2])
    parts = re.split(rf" ({'|'.join(LABELS)}): ", text)
    return found[1], dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def faults(script: str) -> Iterator[str]:
    """Where a script departs from the form."""
    sentence, paragraphs = header(script)
    if not sentence.endswith("."):
        yield "begins with no sentence"
    if tuple(paragraphs) != LABELS or not all(paragraphs.values()):
        yield f"has not the paragraphs {', '.join(LABELS)}"
    body = re.sub(r"\A(#.*\n)+", "", script)
    if not body.startswith(START):
        yield "does not install in a temporary folder of its own"
    packages = [word for line in re.findall(r"/pip\" install (.*)", body) for word in line.split() if word != "--quiet"]
    if not packages or not all(re.fullmatch(r"[\w.-]+==[\w.]+", package) for package in packages):
        yield "installs something that is not pinned"
    if paragraphs.get("Versions") != ", ".join(package.replace("==", " ") for package in packages):
        yield "names other versions than it installs"
    if "quantizer-zoo" in script:
        yield "installs us"
    (program,) = re.findall(r"<<'PYTHON'\n(.*?)^PYTHON$", body, re.DOTALL | re.MULTILINE) or [""]
    nodes = list(ast.walk(ast.parse(program)))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    if OURS & {name.partition(".")[0] for name in names}:
        yield "imports us"
    if "sys.exit(0 if " not in program:
        yield "has no exit code for what it found"


def test_there_are_findings() -> None:
    assert len(SCRIPTS) >= 6


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_finding_has_the_form(path: Path) -> None:
    assert list(faults(path.read_text(encoding="utf-8"))) == []
    assert os.access(path, os.X_OK)
    assert subprocess.run(["bash", "-n", path], capture_output=True, text=True).stderr == ""


def test_the_list_is_what_the_scripts_say() -> None:
    listed = re.findall(r"^- \[`(\S+)`\]\((\S+)\): (.+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == [(path.name, path.name, header(path.read_text(encoding="utf-8"))[0]) for path in SCRIPTS]


@pytest.mark.parametrize(
    ("pattern", "other", "fault"),
    [
        (r"# .*\.\n#\n", "", "no sentence"),
        (r"# Hurts: ", "# ", "paragraphs"),
        (r"# Seen: ", "# Hurts: ", "paragraphs"),
        (r"set -euo pipefail", "set -e", "temporary folder"),
        (r"trap .*\n", "", "temporary folder"),
        (r"\$\(mktemp -d\)", "/tmp/finding", "temporary folder"),
        (r"==[\d.]+\n", "\n", "pinned"),
        (r"(install --quiet) ", r"\1 --requirement list.txt ", "pinned"),
        (r"(install --quiet) ", r"\1 git+https://example.org/package ", "pinned"),
        (r"(# Versions: \S+) [\d.]+", r"\1 0.0.1", "other versions"),
        (r"(install --quiet) ", r"\1 quantizer-zoo-benchmark==0.1.0 ", "installs us"),
        (r"import sys\n", "import sys\nfrom quantizers.vq import VQ\n", "imports us"),
        (r"import sys\n", "import sys\nimport benchmarks.data\n", "imports us"),
        (r"sys\.exit\(0 if .*", "", "exit code"),
    ],
)
def test_departures_are_found(pattern: str, other: str, fault: str) -> None:
    for path in SCRIPTS:
        broken, count = re.subn(pattern, other, path.read_text(encoding="utf-8"))
        assert count > 0
        assert any(fault in found for found in faults(broken))
