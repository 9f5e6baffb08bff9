"""Pictures and sounds as files of codes: `python -m benchmarks.compress`."""
