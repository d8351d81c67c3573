"""One monitoring sidecar for PostgreSQL, Redis, connection pools and the host."""

__version__ = "0.1.0"
