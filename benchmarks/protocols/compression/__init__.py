"""The protocol `compression`: pictures, sounds and films as files, beside the codecs that people use."""
