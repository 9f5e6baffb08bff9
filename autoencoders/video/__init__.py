"""Tokenizers of films: a causal backbone that also codes pictures, a discriminator, a loss of what changes in time."""
