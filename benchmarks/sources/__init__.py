"""The command `python -m benchmarks.sources`."""
