"""The command `python -m benchmarks.export`."""
