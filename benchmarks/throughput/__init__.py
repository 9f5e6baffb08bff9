"""The command `python -m benchmarks.throughput`."""
