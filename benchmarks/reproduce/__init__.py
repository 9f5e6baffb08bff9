"""Stored runs made again: do the numbers agree? `agreement` says when, `python -m benchmarks.reproduce` does it."""
