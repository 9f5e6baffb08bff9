"""The protocol of `source-coding.md`."""
