"""A resolved run: its place, its names, and its command follow from what was asked for and from its pictures."""

import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.protocols.reconstruction.measured import PROTOCOL
from benchmarks.training.arguments import parse
from benchmarks.training.planning import plan
from benchmarks.training.resolved import resolve
from benchmarks.training.settings import run_id, settings_digest


@pytest.mark.parametrize("output", ["somewhere", Path("somewhere")])
def test_it_lies_by_preset_and_data_set_under_its_name(output: str | Path) -> None:
    words = ["--quantizer", "vq-ema", "--bits", "8", "--seed", "3", "--preset", "smoke", "--train.images", "64"]
    asked = plan(parse(words))[-1]
    data = SimpleNamespace(record={"name": "pictures", "fingerprint": "abc"})
    run = resolve(asked, data, output)  # type: ignore[arg-type]
    assert run.settings == settings_digest(asked.settings, PROTOCOL, "abc")
    assert run.path == Path("somewhere") / "smoke" / "pictures" / f"{run_id(asked, run.settings)}.json"
    assert run.checkpoint.parent == run.path.parent
    assert run.checkpoint.name == f"{run.id}.checkpoint.safetensors"
    assert run.changes == {"train.images": 64}
    assert plan(parse(shlex.split(run.command)[3:]))[-1] == asked
