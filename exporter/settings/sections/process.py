"""Settings of the process: where they come from, the web side, the log, the bounds, the collectors."""

from __future__ import annotations

from hashlib import md5
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from exporter.settings import checks
from exporter.settings.sections.base import Section
from exporter.settings.values import File, Hosts, Releases, Seconds


class Config(Section):
    """Where the other settings come from."""

    file: File = Field(default=None, description="YAML file with settings.")
    secrets_dir: File = Field(
        default=None, description="Folder with one file per setting, named section__key (postgres__password)."
    )


class Web(Section):
    """The HTTP side."""

    listen_address: Annotated[str, AfterValidator(checks.listen_address)] = Field(
        default="127.0.0.1:9188", description="host:port to serve on; :9188 means all interfaces."
    )
    telemetry_path: Annotated[str, AfterValidator(checks.telemetry_path)] = Field(
        default="/metrics", description="Path of the metrics page."
    )
    enable_reload: bool = Field(
        default=True, description="Re-read the configuration on POST /-/reload; SIGHUP always does."
    )
    config_file: File = Field(
        default=None,
        description="YAML file with TLS, users, headers: the exporter-toolkit's web configuration.",
    )
    allowed_hosts: Hosts = Field(
        default=(),
        description="Names in the header Host that are answered: name, *.domain, * for all."
        " By default all, or on a loopback address those of this machine.",
    )
    max_connections: int = Field(
        default=512, ge=16, le=50_000, description="Open connections; beyond, the longest idle one is closed."
    )

    @property
    def bind(self) -> tuple[str, int]:
        """Host and port to listen on; the host is empty for all interfaces."""
        return checks.split_listen_address(self.listen_address)


class Log(Section):
    """What is logged to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    format: Literal["logfmt", "json"] = Field(default="logfmt", description="Format of a log line.")


class Scrape(Section):
    """The bounds of one scrape."""

    timeout_seconds: Seconds = Field(
        default=10.0, description="Seconds for a scrape when Prometheus does not send its own scrape_timeout."
    )
    timeout_offset_seconds: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = Field(
        default=0.5, description="Seconds taken off that time, so that the page is back in time."
    )
    series_limit: int = Field(
        default=1_000_000, ge=1, description="Samples that one collector may give in one scrape."
    )


class Sharding(Section):
    """Which of the targets are this process's, where several share one configuration."""

    shards: int = Field(
        default=1, ge=1, le=10_000, description="How many processes share the targets; 1 watches them all."
    )
    shard: int = Field(
        default=0,
        ge=0,
        le=9_999,
        description="Which of them this process is, from 0: it watches targets whose name hashes to it.",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.shard >= self.shards:
            raise ValueError(f"expected a shard below shards, which is {self.shards}: they count from 0")
        return self

    def takes(self, name: str) -> bool:
        """Whether a target of this name is this process's.

        It is what Prometheus's `hashmod` makes of the name: the last 8 bytes of its MD5, modulo `shards`.
        """
        digest = md5(name.encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest[8:], "big") % self.shards == self.shard


class Compat(Section):
    """What is shown for who comes from another exporter."""

    legacy_names: Releases = Field(
        default=(),
        description="Releases of postgres_exporter whose names to show as well: 0.8 to 0.19, queries.yaml.",
    )


class Collectors(Section):
    """Which collectors are on: one switch for each, known only once they are discovered."""
