"""Clients that fetch, and know nothing of metrics: each opens, fetches before a deadline, closes."""
