"""The sections of settings: each setting's type, its default, its bounds and its sentence for `--help`."""

from exporter.settings.sections.base import Section
from exporter.settings.sections.host import Host
from exporter.settings.sections.intelligence import Analysis, Api, SlowQueries
from exporter.settings.sections.pgbouncer import PgBouncer
from exporter.settings.sections.postgres import Postgres
from exporter.settings.sections.process import Collectors, Compat, Config, Log, Scrape, Sharding, Web
from exporter.settings.sections.redis import Redis

__all__ = [
    "Analysis",
    "Api",
    "Collectors",
    "Compat",
    "Config",
    "Host",
    "Log",
    "PgBouncer",
    "Postgres",
    "Redis",
    "Scrape",
    "Section",
    "Sharding",
    "SlowQueries",
    "Web",
]
