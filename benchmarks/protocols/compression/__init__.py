"""The protocol `compression`: pictures and sounds as files, beside the codecs that people use."""
