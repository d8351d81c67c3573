"""PostgreSQL: at most `max_connections` sessions, every one of them under a deadline."""
