"""Connection pools: one file, one collector."""
