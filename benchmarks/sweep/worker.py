"""`benchmarks.run` as a sweep starts it: it ends when the process that started it does, however that ends.

The starter holds the other end of standard input, which the system closes with it, even after a `kill -9`.
"""

from __future__ import annotations

import os
import runpy
import threading


def _end_with_the_sweep() -> None:
    os.read(0, 1)
    os._exit(1)  # as safe as any kill: files are written whole or not at all


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_sweep, daemon=True).start()
    runpy.run_module("benchmarks.run", run_name="__main__")
