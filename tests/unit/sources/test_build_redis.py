"""What the settings of a Redis server become: one server, or a group of them."""

from __future__ import annotations

from pathlib import Path

from exporter.settings import load_settings
from exporter.sources.build import build_sources
from exporter.sources.redis import RedisServer, TlsOptions
from exporter.sources.redis.discovery import ClusterDiscovery, SentinelDiscovery
from exporter.sources.redis.nodes import RedisNodes


def build(*argv: str) -> object:
    return build_sources(load_settings(["--no-host.enabled", *argv], {}, {}))["redis"]


def test_the_files_of_tls_reach_the_connection(tmp_path: Path) -> None:
    names = ("ca", "cert", "key")
    files = [f"--redis.tls-{name}-file={tmp_path / name}" for name in names]
    server = build("--redis.address=rediss://h", *files, "--redis.tls-server-name=n", "--no-redis.tls-verify")

    assert isinstance(server, RedisServer)
    ca, cert, key = (str(tmp_path / name) for name in names)
    assert server.options.tls == TlsOptions(
        ca_file=ca, cert_file=cert, key_file=key, server_name="n", verify=False
    )


async def test_discovery_makes_a_group() -> None:
    cluster = build("--redis.address=rediss://u:p@h:1,g", "--redis.discovery=cluster", "--redis.max-nodes=7")
    sentinels = build("--redis.address=h:1", "--redis.discovery=sentinel")

    assert isinstance(cluster, RedisNodes)
    assert isinstance(sentinels, RedisNodes)
    assert cluster.address == "h:1,g:6379"
    assert isinstance(cluster.discovery, ClusterDiscovery)
    assert isinstance(sentinels.discovery, SentinelDiscovery)
