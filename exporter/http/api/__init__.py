"""The JSON API under /api/v1: off by default, and imported only where it is on. It needs the extra `api`.

A request comes through `guard.py` (rate limit, token, role, audit, headers), then to a route. Routes take
figures from snapshots, as the page of metrics does, and the rest from the sources through `data.py`, which
shares what is costly. Nothing in a request can name a host: targets go by the names of the configuration.
"""
