"""Tokenizers of pictures: backbones, discriminator, losses, and what needs no network."""
