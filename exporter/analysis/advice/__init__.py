"""Advice that needs no plan: tables, VACUUM, settings, clients. One subject a module, all of it pure.

`server_advice` and `database_advice` are the ways in.
"""

from exporter.analysis.advice.advice import database_advice, server_advice

__all__ = ["database_advice", "server_advice"]
