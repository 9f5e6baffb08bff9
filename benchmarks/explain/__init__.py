"""How far each choice of a protocol moves each number: `python -m benchmarks.explain RUN.json --data FOLDER`.

One tokenizer is measured under the reconstruction protocol, under the protocol with one choice changed at a time, and
under the whole settings of papers' own programs (`benchmarks.protocols.variants`).
"""
