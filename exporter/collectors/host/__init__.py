"""The host: one file, one collector."""
