"""Walks the keys of a Redis server in the background, within a share of the server's time."""
