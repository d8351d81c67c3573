"""Settings of a Redis server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from exporter.settings.redis_address import redis_address, seeds
from exporter.settings.sections.redis_keys import RedisKeys
from exporter.settings.values import EMPTY_IS_UNSET, File, Labels, Regex, Seconds, Secret


class Redis(RedisKeys):
    """The Redis or Valkey server. Off without an address."""

    discovery: Literal["off", "cluster", "sentinel"] = Field(
        default="off",
        description="Watch all nodes: of the Redis Cluster, or those that the Sentinels at the address know.",
    )
    address: Annotated[str | None, AfterValidator(lambda v: v and redis_address(v)), EMPTY_IS_UNSET] = Field(
        default=None,
        description="host:port, or a redis, rediss, valkey, valkeys or unix:// URL;"
        " for discovery several with commas between.",
    )
    username: Annotated[str | None, EMPTY_IS_UNSET] = Field(
        default=None, description="ACL user, over the address's."
    )
    password: Secret = Field(
        default=None, description="Password, over the address's. A flag shows in the process list."
    )
    password_file: File = Field(
        default=None, description='File with the password, or with JSON {"redis://user@host:port": "pw"}.'
    )
    sentinel_username: Annotated[str | None, EMPTY_IS_UNSET] = Field(
        default=None, description="ACL user of the Sentinels; username and password are their masters'."
    )
    sentinel_password: Secret = Field(
        default=None, description="Password of the Sentinels. A flag shows in the process list."
    )
    sentinel_password_file: File = Field(default=None, description="File with the password of the Sentinels.")
    max_nodes: int = Field(default=100, ge=1, le=1000, description="Nodes that discovery takes at most.")
    tls_ca_file: File = Field(
        default=None,
        description="Certificates to trust for rediss:// and valkeys://, PEM; empty: the system's.",
    )
    tls_cert_file: File = Field(default=None, description="Our certificate, PEM, where servers want one.")
    tls_key_file: File = Field(
        default=None, validate_default=True, description="The key of that certificate, PEM."
    )
    tls_server_name: Annotated[str | None, EMPTY_IS_UNSET] = Field(
        default=None, description="Name to find in the server's certificate; empty: the address's host."
    )
    tls_verify: bool = Field(default=True, description="Check the server's certificate.")
    connect_timeout_seconds: Seconds = Field(default=5.0, description="Seconds to wait for a connection.")
    search_indexes: Regex = Field(
        default="", description="Collect search indexes (collector redis_search_indexes) whose name has this."
    )
    labels: Labels = Field(default=(), description="Labels on each series of the server: name=value,...")

    @field_validator("address")
    @classmethod
    def _seeds_for_discovery(cls, value: str | None, info: ValidationInfo) -> str | None:
        discovery = info.data.get("discovery")
        if value and discovery == "off" and len(seeds(value)) > 1:
            raise ValueError("expected one address while redis.discovery is off")
        if value and discovery != "off" and value.startswith("unix:"):
            raise ValueError("expected host:port while redis.discovery is on: a node is known by its port")
        return value

    @field_validator("tls_key_file")
    @classmethod
    def _with_its_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) != (info.data.get("tls_cert_file") is None):
            raise ValueError("expected redis.tls_cert_file and redis.tls_key_file together")
        return value
