"""The protocol of `video.md`."""
