"""Metrics of the reconstruction protocol: a file per metric, each a function of pictures, features or codes.

Pictures are uint8 tensors (B, 3, H, W) throughout; `benchmarks.evaluation` runs the metrics over a test set.
"""
