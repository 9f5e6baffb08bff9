"""The protocol of `generation.md`."""
