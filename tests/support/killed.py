"""A process that dies by kill -9, in the middle of what it does."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.data.machine import torch_threads

ROOT = Path(__file__).parents[2]

DEADLY = """
import os, pkgutil, signal, sys
from benchmarks.metrics import speed
speed.MIN_SECONDS = 0.01
owner, name, number, module = *sys.argv[1].rsplit(".", 1), int(sys.argv[2]), sys.argv[3]
owner = pkgutil.resolve_name(owner)
function, calls = getattr(owner, name), 0
def deadly(*arguments, **keywords):
    global calls
    calls += 1
    result = function(*arguments, **keywords)
    if calls == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(owner, name, deadly)
sys.exit(pkgutil.resolve_name(module).main(sys.argv[4:]))
"""


def kill_command_at_call(place: str, number: int, module: str, words: Sequence[str]) -> None:
    """Start a command on one thread, which dies at a call of a function: for trainings, whose backward pass works in no
    fork of a process that has done one.

    Args:
        place: of the function, "package.module:Class.method".
        number: of the call, from 1; the process is killed after it.
        module: has the command's `main`.
        words: after it.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", DEADLY, place, str(number), module, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def kill_at_call(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, number: int, work: Callable[[], Any]
) -> None:
    """Do the work in a fork of this process, which has all modules loaded, and kill that at a call of a function.

    Args:
        monkeypatch: pytest's.
        module: has the function.
        name: of the function.
        number: of the call, from 1; the process is killed after it.
        work: what calls it.
    """
    function, calls = getattr(module, name), 0

    def deadly(*arguments: Any, **keywords: Any) -> Any:
        nonlocal calls
        calls += 1
        result = function(*arguments, **keywords)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    with torch_threads(1), monkeypatch.context() as patch:  # a fork has no threads
        patch.setattr(module, name, deadly)
        child = os.fork()
        if child == 0:
            try:
                work()
            finally:
                os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
