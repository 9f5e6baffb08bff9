"""The methods of a table timed against each other: `python -m benchmarks.throughput results/quick/imagenet-sample`.

What a run measures of its own speed depends on what else the machine did at that time. Here all methods of a table are
timed in one go, taking turns, and stored in one file; `benchmarks.compare` then takes the speed columns from there.
"""
