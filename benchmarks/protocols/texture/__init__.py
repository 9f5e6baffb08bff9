"""The protocol `texture`, in words in `texture.md`: how far a drawn canvas is from the texture that it continues."""
