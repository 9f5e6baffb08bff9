"""Pictures as files of codes: `python -m benchmarks.compress`."""
