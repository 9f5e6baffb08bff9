"""Stored runs as tables."""
