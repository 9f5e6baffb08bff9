"""What a speed depends on beside the work: machine, threads, versions and source code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import torch

import autoencoders
import priors
import quantizers
from benchmarks.records.environment import environment
from benchmarks.records.speed import PEERS, PROTOCOL, Conditions
from quantizers.search_compiled import KERNELS

SOURCES = (".py", ".c", ".h")


def conditions_here(series: Literal["works", "sweep"], device: torch.device, *, quick: bool) -> Conditions:
    """The conditions of this process, its number of threads included."""
    return Conditions(
        protocol=PROTOCOL,
        series=series,
        quick=quick,
        device=device.type,
        threads=torch.get_num_threads(),
        environment=environment(device),
        packages={**{name: _version(name) for name in PEERS}, "search kernels": " ".join(KERNELS) or "not built"},
        code=_code_digest(
            [Path(module).parent for module in (quantizers.__file__, autoencoders.__file__, priors.__file__, __file__)]
        ),
    )


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _code_digest(folders: Iterable[Path]) -> str:
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in SOURCES)
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]
