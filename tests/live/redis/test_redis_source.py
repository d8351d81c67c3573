"""The Redis source on real servers: round trips, rights, kinds of address."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.demo.account import server_account
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, Skip, Unavailable
from exporter.sources.redis import RedisServer, TlsOptions
from tests.live.redis.conftest import Connect
from tests.replay_redis import collectors, tables
from tests.servers import VERSIONS, Redis, folders, require

pytestmark = pytest.mark.live

# The rules that redis_exporter's README recommends, without what only key lookups need.
README_RULES = (
    "-@all +@connection +memory -readonly -quit -readwrite -command +client -wait +config|get"
    " +slowlog +cluster|info -hello -echo +info +latency -reset -auth -asking"
)


def soon() -> Deadline:
    return Deadline.after(2)


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Redis]:
    with require(Redis, request.param) as server:
        yield server


NOT_FOR_IT = (Reason.UNSUPPORTED, Reason.NO_DATA)
"""Why a collector rightly gives nothing here: another kind of server, or nothing that it was to look for."""


class Scrapes:
    """All collectors that run on a scrape, side by side."""

    def __init__(self, source: RedisServer) -> None:
        specs = {name: spec for name, spec in collectors().items() if spec.default and not spec.every_seconds}
        self._collects = {name: spec.build(source) for name, spec in specs.items()}

    async def __call__(self) -> dict[str, Reason]:
        """One scrape: those that skipped though this server has what they look for, with the reason."""
        skipped: dict[str, Reason] = {}

        async def run(name: str) -> None:
            try:
                await self._collects[name](soon())
            except Skip as skip:
                skipped[name] = skip.reason

        await asyncio.gather(*map(run, self._collects))
        return {name: reason for name, reason in skipped.items() if reason not in NOT_FOR_IT}


async def figures(source: RedisServer, *names: str) -> list[float]:
    info = await source.info(soon())
    return [info.number(name) or 0 for name in names]


async def test_a_scrape_of_all_collectors_is_one_round_trip(server: Redis, connect: Connect) -> None:
    source, observer = connect(server), connect(server)
    scrape = Scrapes(source)
    for _ in range(2):
        assert await scrape() == {}
    before = await figures(observer, "total_reads_processed")
    for _ in range(5):
        await scrape()
    after = await figures(observer, "total_reads_processed")
    assert after[0] - before[0] == 5 + 1  # and the observer's own


async def test_the_same_command_of_several_callers_is_sent_once(server: Redis, connect: Connect) -> None:
    source, observer = connect(server), connect(server)
    await source.info(soon())
    before = await figures(observer, "total_commands_processed")
    replies = await asyncio.gather(*(source.fetch([("SLOWLOG", "LEN")], soon()) for _ in range(10)))
    after = await figures(observer, "total_commands_processed")
    assert replies == [[0]] * 10
    assert after[0] - before[0] == 1 + 1


async def test_one_parsed_info_for_all_who_ask_together(server: Redis, connect: Connect) -> None:
    source = connect(server)
    one, two = await asyncio.gather(source.info(soon()), source.info(soon()))
    assert one is two
    assert await source.info(soon()) is not one


async def test_replies_that_are_refused_stand_in_their_places(server: Redis, connect: Connect) -> None:
    length, unknown, wrong = await connect(server).fetch([("DBSIZE",), ("NOSUCH", "x"), ("GET",)], soon())
    assert length == 0
    assert isinstance(unknown, Refused)
    assert unknown.reason is Reason.UNSUPPORTED
    assert isinstance(wrong, Refused)
    assert wrong.reason is Reason.ERROR


async def test_bytes_that_are_no_text_are_shown_escaped(server: Redis, connect: Connect) -> None:
    with server.client() as client:
        client.set("raw", b"a\xff\nb")
        (reply,) = await connect(server).fetch([("GET", "raw")], soon())
        client.delete("raw")
    assert reply == "a\\xff\nb"


async def test_a_user_with_the_rights_of_the_readme_sees_all(server: Redis, connect: Connect) -> None:
    # Before 7.0 QUIT was no command that a rule may name.
    rules = README_RULES.replace("-quit ", "") if server.version == "6.2" else README_RULES
    server.execute("ACL", "SETUSER", "watcher", "on", ">pw", *rules.split())
    source = connect(server, username="watcher", password="pw")
    assert await Scrapes(source)() == {}
    assert all(refused.reason is Reason.UNSUPPORTED for refused in source.refusals)


async def test_what_the_acl_refuses_is_asked_once_for_a_connection(server: Redis, connect: Connect) -> None:
    server.execute("ACL", "SETUSER", "poor", "on", ">pw", "-@all", "+info")
    source, observer = connect(server, username="poor", password="pw"), connect(server)
    scrape = Scrapes(source)
    refused = dict.fromkeys(("redis_config", "redis_slowlog"), Reason.PERMISSION)
    if server.version == "6.2":
        refused["redis_latency"] = Reason.PERMISSION
    assert await scrape() == refused
    assert any("ACL SETUSER poor +config|get" in str(error) for error in source.refusals)

    before = (await observer.info(soon())).pairs("errorstats", "errorstat_")["NOPERM"]
    for _ in range(3):
        assert await scrape() == refused
    assert (await observer.info(soon())).pairs("errorstats", "errorstat_")["NOPERM"] == before
    rights = {"config|get", "slowlog|len", "slowlog|get", "latency|latest", "latency|histogram"}
    assert len(source.refusals) == len(rights)


async def test_a_right_that_was_granted_counts_after_a_reconnect(server: Redis, connect: Connect) -> None:
    server.execute("ACL", "SETUSER", "growing", "on", ">pw", "-@all", "+info", "+slowlog", "+latency")
    source = connect(server, username="growing", password="pw")
    scrape = Scrapes(source)
    assert await scrape() == {"redis_config": Reason.PERMISSION}
    server.execute("ACL", "SETUSER", "growing", "+config")
    assert await scrape() == {"redis_config": Reason.PERMISSION}
    server.execute("CLIENT", "KILL", "USER", "growing")
    assert await scrape() == {}


@pytest.fixture(scope="module")
def server_folder() -> Path:
    """A folder that the servers' account can read and write."""
    folder = folders.new("redis-files")
    server_account().give(folder)
    return folder


async def test_a_socket_of_unix(connect: Connect, server_folder: Path) -> None:
    path = server_folder / "redis.sock"
    with require(Redis, settings={"unixsocket": str(path), "unixsocketperm": "777"}) as server:
        source = connect(server, url=f"unix://{path}")
        assert (await source.info(soon())).get("redis_version").startswith("7.0")
        assert source.describe() == f"redis at {path}"


@pytest.fixture(scope="module")
def certificate(server_folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for the name `cache.example`, and its key."""
    cert, key = server_folder / "cert.pem", server_folder / "key.pem"
    line = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=cache.example"
    line += f" -addext subjectAltName=DNS:cache.example -out {cert} -keyout {key}"
    subprocess.run(line.split(), check=True, capture_output=True)
    key.chmod(0o644)
    return cert, key


@pytest.fixture
def encrypted(certificate: tuple[Path, Path]) -> Iterator[tuple[Redis, int]]:
    """A server, and its port with TLS."""
    from exporter.demo.process import free_port

    cert, key = certificate
    port = free_port()
    settings = {"tls-port": str(port), "tls-cert-file": str(cert), "tls-key-file": str(key)}
    with require(Redis, settings={**settings, "tls-auth-clients": "no"}) as server:
        yield server, port


async def test_tls_with_a_certificate_that_is_checked(
    encrypted: tuple[Redis, int], certificate: tuple[Path, Path], connect: Connect
) -> None:
    server, port = encrypted
    url = f"rediss://127.0.0.1:{port}"
    trusted = TlsOptions(ca_file=str(certificate[0]), server_name="cache.example")
    assert await tables(connect(server, url=url, tls=trusted))
    assert await tables(connect(server, url=url, tls=TlsOptions(verify=False)))
    for tls in (TlsOptions(), TlsOptions(ca_file=str(certificate[0]))):
        with pytest.raises(Unavailable, match=r"(?i)certificate"):
            await connect(server, url=url, tls=tls).info(soon())


async def test_a_frozen_server_with_tls_keeps_no_socket_open(
    encrypted: tuple[Redis, int], connect: Connect
) -> None:
    import psutil

    server, port = encrypted
    source = connect(server, url=f"rediss://127.0.0.1:{port}", tls=TlsOptions(verify=False))
    await source.info(soon())
    server.freeze()
    with pytest.raises(Unavailable):
        await source.info(Deadline.after(0.5))
    await asyncio.sleep(0.01)
    ports = [c.raddr[1:] for c in psutil.Process().net_connections(kind="tcp")]
    assert (port,) not in ports
    server.thaw()
    await source.info(soon())
