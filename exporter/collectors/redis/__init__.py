"""Redis: one file, one collector."""
