"""How far each choice of a protocol moves each number: measured by `python -m benchmarks.evaluate … --explain`, shown
from what that stored by `python -m benchmarks.explain`.

One tokenizer is measured under the reconstruction protocol, under the protocol with one choice changed at a time, and
under the whole settings of papers' own programs (`benchmarks.protocols.variants`).
"""
