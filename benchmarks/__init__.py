"""Data, training, metrics, protocols, tables and plots; one module per command."""
