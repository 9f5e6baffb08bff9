"""Every block of code on the pages runs, or is read by what would run it."""

import argparse
import ast
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tyro
from documentation import ROOT, Block, blocks, name, write_files
from mkdocs.__main__ import cli as mkdocs
from PIL import Image
from torch.distributed.run import get_args_parser

from benchmarks import compare
from benchmarks.records import baselines
from quantizers import create_quantizer, list_quantizers

Parse = Callable[[str, list[str]], Any]

PLACEHOLDER = re.compile(r"path/to/|\.\./shared/|(.*/)?[A-Z]+(\.\w+)?$|.*…|last\.ckpt$|runs(/|$)|codes(/|$)")
"""Paths that stand for the reader's own, lie beside the repository, or are made by the commands."""

MADE = ("--output", "--slurm")
"""Flags before what a command makes."""


class _Parsed(BaseException):
    """Ends a command once its flags are read."""

    def __init__(self, flags: Any) -> None:
        self.flags = flags


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch) -> Parse:
    """Start a module as a command up to where its own parser has read the flags, and return them; None for --help."""

    def ending(read: Callable[..., Any]) -> Callable[..., Any]:
        def end(*values: Any, **named: Any) -> Any:
            raise _Parsed(read(*values, **named))

        return end

    def start(module: str, words: list[str]) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(tyro, "cli", ending(tyro.cli))
            if module in ("benchmarks.weights", "quantizers.testing"):  # which do without tyro
                for method in ("parse_args", "parse_intermixed_args"):
                    patch.setattr(argparse.ArgumentParser, method, ending(getattr(argparse.ArgumentParser, method)))
            patch.setattr(sys, "argv", [module, *words])
            try:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            except _Parsed as parsed:
                return parsed.flags
            except SystemExit as ended:
                if ended.code != 0:
                    raise AssertionError(f"{module} refuses {words}") from ended
                return None
            raise AssertionError(f"{module} did not read its flags")

    return start


def _require_known(module: str, flags: Any) -> None:
    """What only the work after the parser would refuse: names of quantizers and columns, options."""
    if module in ("benchmarks.run", "benchmarks.sources"):
        options = dict(word.split("=", 1) for word in flags.options)
        options = {key: ast.literal_eval(value) for key, value in options.items()}
        for quantizer in flags.quantizer:
            if quantizer != "all":
                for bits in flags.bits or (None,):
                    create_quantizer(quantizer, bits=bits, **options)
    if module == "benchmarks.compare":
        assert {*flags.columns, flags.sort, flags.matrix} - {None} <= compare.BY_NAME.keys()
        known = {entry.name for entry in list_quantizers()} | set(baselines.NAMES)
        assert known.issuperset(flags.only.quantizer)


def _require_paths(words: list[str], folder: Path) -> None:
    made = {words[index + 1] for index, word in enumerate(words[:-1]) if word in MADE}
    for word in words:
        is_path = ("/" in word or re.search(r"\.(json|ya?ml|md|html|py|pth|sh)$", word)) and not word.startswith("-")
        if is_path and word not in made and not PLACEHOLDER.match(word):
            swept = ROOT / "results" / "sweeps" / f"{Path(word).name}.yaml"  # what makes results/NAME
            assert any(path.exists() for path in (ROOT / word, folder / word, swept)), f"{word} is not there"


def _module_of(words: list[str]) -> tuple[str, list[str]] | None:
    """The module that a command starts, and the words that it gets; None where it starts none."""
    program = Path(words[0]).name
    if program == "torchrun":
        arguments = get_args_parser().parse_args(words[1:])
        assert arguments.module
        return arguments.training_script, arguments.training_script_args
    if program in ("python", "python3"):
        assert words[1] == "-m"
        return words[2], words[3:]
    return None


SHELL = blocks("sh")


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("block", SHELL, ids=str)
def test_shell_is_understood_by_the_commands_own_parsers(
    block: Block, parse: Parse, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    for words in block.commands():
        program = Path(words[0]).name
        started = _module_of(words)
        if started and started[0] == "venv":
            continue
        _require_paths(words[1:], tmp_path)
        if started:
            module, rest = started
            assert module.startswith("benchmarks.") or module == "quantizers.testing"
            flags = parse(module, rest)
            if flags is not None:
                _require_known(module, flags)
        elif program == "pytest":
            _, unknown = request.config._parser.parse_known_and_unknown_args(words[1:])
            assert unknown == []
        elif program == "mkdocs":
            mkdocs.commands[words[1]].make_context(words[1], words[2:])
        elif program == "pip":
            assert words[1:3] == ["install", "-e"]
            extras = re.fullmatch(r"\.(?:\[([a-z,]+)\])?", words[3])
            assert extras
            project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
            assert all(re.search(rf"^{extra} = \[", project, re.M) for extra in (extras[1] or "test").split(","))
        elif program in ("ruff", "mypy"):
            assert (Path(sys.executable).parent / program).is_file()
        else:
            assert (ROOT / words[0]).is_file(), f"{block}: what is {words[0]}?"


PYTHON_PAGES = sorted({block.page for block in blocks("python")})


@pytest.mark.parametrize("page", PYTHON_PAGES, ids=name)
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks("python"):
        if block.page == page:
            tree = ast.parse(block.text, str(block))
            if not block.runs:
                tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
                assert tree.body
            exec(compile(tree, str(block), "exec"), names)


def test_the_sweep_file_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    (block,) = blocks("yaml")
    assert block.file == "sweep.yaml"
    write_files(tmp_path)
    pictures = tmp_path / "path" / "to" / "pictures"
    pictures.mkdir(parents=True)
    for index in range(10):
        Image.new("RGB", (40, 40), (index, 0, 0)).save(pictures / f"{index}.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks.sweep", "sweep.yaml", "--dry-run"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("benchmarks.sweep", run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    assert "--train.images 4000" in capsys.readouterr().out


def test_scripts_are_bash() -> None:
    """What they do is tested where their command is."""
    for block in blocks("bash"):
        assert block.text.startswith("#!/bin/bash\n")
        assert subprocess.run(["bash", "-n"], input=block.text, text=True, check=False).returncode == 0


def test_toml_is_toml() -> None:
    tomllib = pytest.importorskip("tomllib")
    for block in blocks("toml"):
        assert tomllib.loads(block.text)


def test_every_block_says_what_it_is() -> None:
    assert {block.language for block in blocks()} <= {"sh", "bash", "python", "yaml", "toml", "math"}
