"""A process that dies by kill -9, in the middle of what it does."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.protocols.speed.measure import torch_threads


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
