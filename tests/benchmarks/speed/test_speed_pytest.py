"""`pytest --benchmark-only` as a user starts it: its table, and what it says where something is not there."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

SPEED = Path(__file__).parents[2] / "speed"
EVAL = "fsq-8-5-5-5-eval"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.mark.slow
def test_the_table_has_our_columns_and_names_a_peer_that_is_not_installed(tmp_path: Path, start: Start) -> None:
    (tmp_path / "vector_quantize_pytorch.py").write_text("raise ImportError('hidden')\n")  # the folder it starts in
    run = start("pytest", str(SPEED), "--benchmark-only", "-k", EVAL, "--threads", "1", "-p", "no:cacheprovider")
    text, _ = run.communicate()
    assert run.returncode == 0, text
    assert "1 passed, 1 skipped" in text
    lines = text.splitlines()
    (heading,) = [line.split() for line in lines if "codes/s" in line]
    assert heading == ["ms,", "1", "thr", "×", "ours", "codes/s", "peak", "MB"]
    (ours,) = [line.split() for line in lines if line.startswith("ours")]
    assert float(ours[1]) > 0
    assert ours[2] == "1.00"
    assert any(line.startswith("vector-quantize-pytorch") and "pip install" in line for line in lines)
    assert "OPS" not in text  # one table, not pytest-benchmark's as well


@pytest.mark.parametrize(
    ("options", "message"),
    [({"--device": "cuda", "--threads": None}, "no CUDA device"), ({"--device": "cpu", "--threads": [0]}, "from 1")],
)
def test_bad_options_are_one_sentence(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch, options: dict[str, object], message: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (plugin,) = [
        plugin
        for plugin in pytestconfig.pluginmanager.get_plugins()
        if getattr(plugin, "__file__", None) == str(SPEED.parent / "conftest.py")
    ]
    with pytest.raises(pytest.UsageError, match=message):
        plugin.pytest_configure(SimpleNamespace(getoption=options.get))
