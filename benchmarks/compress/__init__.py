"""Pictures, sounds and films as files of codes: `python -m benchmarks.compress`."""
