"""A file per metric, each a function of pictures, features or codes.

Pictures are uint8 tensors (B, 3, H, W) throughout; the protocols run the metrics over whole sets.
"""
