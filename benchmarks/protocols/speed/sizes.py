"""The sizes that speed is measured over."""

SWEPT = {"N": 8192, "D": 64, "K": 1024}
"""Where the three lines of the sweep cross."""

SWEEP = {
    "N": (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536),
    "D": (4, 8, 16, 32, 64, 128, 256, 512),
    "K": (128, 256, 512, 1024, 2048, 4096, 8192, 16384),
}
"""Two decades of each size, the others staying where the lines cross."""
