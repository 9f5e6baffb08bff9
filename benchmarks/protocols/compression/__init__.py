"""The protocol `compression`: pictures as files, beside the codecs that people use."""
