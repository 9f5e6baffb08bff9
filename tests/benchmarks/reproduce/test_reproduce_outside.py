"""A run of a quantizer from outside the project made again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import run
from benchmarks.data.machine import torch_threads
from benchmarks.reproduce.__main__ import main

TERNARY = """
import torch
from quantizers import Quantizer
from quantizers.base import RowOutput
from quantizers.estimators import straight_through

class Ternary(Quantizer):
    is_projection = True

    def __init__(self, *, dim: int = 4) -> None:
        super().__init__(dim=dim, codebook_size=3**dim)
        self.register_buffer("powers", 3 ** torch.arange(dim), persistent=False)

    def quantize_rows(self, rows):
        digits = rows.clamp(-1, 1).round()
        codes = ((digits.long() + 1) * self.powers).sum(1, keepdim=True)
        return RowOutput(straight_through(rows, digits), codes, rows.new_zeros(()), {})

    def decode_rows(self, codes):
        return (codes // self.powers % 3 - 1).float()
"""


@pytest.mark.slow
def test_a_quantizer_from_outside_is_found_and_its_changes_are_seen(
    compared: Callable[..., tuple[int, dict[str, Any]]],
    home: Path,
    smoke_words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = tmp_path / "reproduced_quantizer.py"
    module.write_text(TERNARY)
    with monkeypatch.context() as patch, torch_threads(1):
        patch.syspath_prepend(str(tmp_path))
        assert run.main(["--quantizer", "reproduced_quantizer:Ternary", *smoke_words, "--bits"]) == 0
        (path,) = home.rglob("reproduced_quantizer.Ternary*.json")
        module.write_text(TERNARY + "\n# changed\n")
        code, entry = compared(path)
    assert code == 0  # the numbers are equal all the same
    assert [each["name"] for each in entry["environment"]] == ["quantizer's source"]
    monkeypatch.delitem(__import__("sys").modules, "reproduced_quantizer")
    assert main([str(path)]) == 2
    assert "can be imported" in capsys.readouterr().err
