"""Measure tokenizers that are there already, under the protocol of their signal: `python -m benchmarks.evaluate`.

`trained` are those of stored runs, `published` those that others trained, `reconstructions` are folders of them,
whatever made them. Each makes `job`s; `measure` does them, and goes on with one that was killed.
"""
