"""Snapshots to bytes: pure, no I/O."""
