"""The main job needs the extra `benchmarks` alone: what reads sounds or films, codes or measures is asked for later."""

import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

ROOT = Path(__file__).parents[1]

IMPORTED_AS = {
    "pillow-jxl-plugin": "pillow_jxl",
    "visqol-python": "visqol",
    "vector-quantize-pytorch": "vector_quantize_pytorch",
    "faiss-cpu": "faiss",
    "mkdocs-material": "material",
    "scikit-video": "skvideo",
}
"""Distributions whose modules are called otherwise."""

OTHERS = (
    "compression",
    "audio",
    "video",
    "films",
    "visqol",
    "huggingface",
    "parquet",
    "onnx",
    "peers",
    "ray",
    "tensorboard",
    "wandb",
)


MODULES = (
    "benchmarks.training.session",
    "benchmarks.evaluate.command",
    "benchmarks.generate.command",
    "benchmarks.tokens.command",
    "benchmarks.export.command",
    "benchmarks.reproduce.command",
    "benchmarks.sweep.command",
    "benchmarks.throughput.command",
    "benchmarks.compare",
    "benchmarks.plot",
    "benchmarks.report.__main__",
)
"""Of the commands for pictures."""


def modules() -> list[str]:
    """Of the extras that a newcomer has not asked for."""
    found = [re.match(r"([\w.-]+).*extra == .(\w+)", line) for line in requires("quantizer-zoo-benchmark") or []]
    extras = {extra: {of[1] for of in found if of and of[2] == extra} for extra in (*OTHERS, "benchmarks")}
    wanted = {name for extra in OTHERS for name in extras[extra]} - extras["benchmarks"]
    return sorted(IMPORTED_AS.get(name, name) for name in wanted)


def test_commands_need_no_other_extra() -> None:
    code = f"import importlib, sys; sys.modules.update({dict.fromkeys(modules())!r})\n"
    code += f"for module in {MODULES!r}: importlib.import_module(module)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1500:]


def test_the_list_is_of_what_the_extras_have() -> None:
    assert {"constriction", "soundfile", "soxr", "av", "pesq", "pystoi", "visqol", "datasets", "ray"} <= set(modules())
