"""The protocol of `speed.md`."""
