"""The command `python -m benchmarks.stability`."""
