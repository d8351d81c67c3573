"""The web side: a route takes the snapshot, exposes it, replies."""
