"""A prior on the codes of a stored run: trained, measured and drawn from by `python -m benchmarks.generate`."""
