"""The protocol of `variants.md`: the reconstruction protocol with other choices."""
