"""The speed protocol as a command: `python -m benchmarks.speed`, beside `pytest --benchmark-only`."""
