"""Benchmarks beside the exporters that this project replaces: `python -m tests.bench`, or `make bench`."""
