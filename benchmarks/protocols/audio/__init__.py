"""The protocol of `audio.md`."""
