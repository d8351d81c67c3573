"""Queries that users write in YAML, as collectors: in our dialect, or postgres_exporter's queries.yaml.

`load` reads files and gives one collector for each query; what is wrong comes back as
findings, one line each.
"""

from exporter.collectors.user_queries.load import PREFIX, Loaded, load, load_configured

__all__ = ["PREFIX", "Loaded", "load", "load_configured"]
