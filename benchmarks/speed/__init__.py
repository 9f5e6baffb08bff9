"""The speed protocol: works, what does them side by side, how they are timed, stored, shown and drawn.

`pytest --benchmark-only` and `python -m benchmarks.speed` measure the same works (`benchmarks.speed.catalogue`).
"""
