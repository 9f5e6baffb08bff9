"""The protocol `stability`, in words in `stability.md`: how far codes are the same, and what it costs where not."""
