"""Measure tokenizers that are there already, under the reconstruction protocol: `python -m benchmarks.evaluate`.

`trained` are those of stored runs, `published` those that others trained, `pictures` are folders of reconstructions,
whatever made them. Each makes `job`s; `measure` does them, and goes on with one that was killed.
"""
