"""A prior on the codes of a stored run's tokenizer, trained, measured and drawn from: `python -m benchmarks.generate`."""
