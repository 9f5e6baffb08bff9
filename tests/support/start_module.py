"""Starts a module as `python -m` does, or a script, without the half second that each timed part of a tokenizer takes
there."""

import os
import runpy
import sys

if __name__ == "__main__":
    sys.path[0] = os.getcwd()
    sys.argv = sys.argv[1:]
    is_script = sys.argv[0].endswith(".py")
    if is_script or sys.argv[0].startswith("benchmarks."):
        from benchmarks.metrics import speed

        speed.MIN_SECONDS = 0.01
    if is_script:
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
