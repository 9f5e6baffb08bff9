"""The command `python -m benchmarks.tokens`."""
