"""The shapes in the signatures are checked at run time in all tests, by `tests/support/shape_checks.py`."""

import gc
import os
import re
from collections.abc import Iterator

import jaxtyping
import pytest
import shape_checks
import torch

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # workers that share the cores out do not wait for each other
    SHARE = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    torch.set_num_threads(SHARE)
    os.environ.setdefault("OMP_NUM_THREADS", str(SHARE))  # of the processes that tests start


def pytest_collection_finish() -> None:
    gc.freeze()  # what was imported stays: without, each collection, of which small runs make many, takes half a second


UNCHECKED = re.compile("compile|export|checkpointing|bad|cannot|broken|refuse|wrong|unknown|numpy")
"""Dynamo cannot trace the check, tests of bad input are to see our own errors, not the check's, and an integer of
NumPy's is no `int`."""


@pytest.fixture(autouse=True)
def _shapes_checked(request: pytest.FixtureRequest) -> Iterator[None]:
    jaxtyping.config.update("jaxtyping_disable", UNCHECKED.search(request.node.name) is not None)
    with pytest.MonkeyPatch.context() as patch:
        if "compile" in request.node.name:
            shape_checks.take_out(patch)
        yield
    jaxtyping.config.update("jaxtyping_disable", False)


def pytest_addoption(parser: pytest.Parser) -> None:
    speed = parser.getgroup("speed", "speed of the quantizers (with --benchmark-only)")
    speed.addoption(
        "--device",
        choices=("cpu", "cuda"),
        default="cpu",
        help="where the quantizers run; faiss-cpu is left out on cuda",
    )
    speed.addoption(
        "--threads",
        type=int,
        action="append",
        help="a number of CPU threads, as often as wanted; one thread and all of them unless given",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--device") == "cuda" and not torch.cuda.is_available():
        raise pytest.UsageError("--device cuda: PyTorch finds no CUDA device here; leave it out to measure on the CPU")
    if any(threads < 1 for threads in config.getoption("--threads") or ()):
        raise pytest.UsageError("--threads takes numbers from 1")
