"""The protocol of `reconstruction.md`."""
