"""PostgreSQL: one file, one collector."""
