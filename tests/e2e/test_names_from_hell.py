"""Names that break careless exporters, in each place that a name comes from: the page parses, and each valid
name can be read back exactly; bytes that are no text come as `\\xNN`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from psycopg import sql
from redis.exceptions import ResponseError

from tests.compat.promtool import complaints
from tests.e2e.judge import Samples, failed, value
from tests.servers import VERSIONS, Exporter, Postgres, Redis, require
from tests.servers.page import samples_of

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("names_from_hell")]

NAMES = (
    'quote"d',
    "apos'trophe",
    "back\\slash",
    "trailing\\",
    "\\n is no line feed, \\xff no byte",
    "line\nfeed",
    "\nfirst and last\n",
    "carriage\rreturn\r\n",
    "tab\ttab",
    " blanks around ",
    'brace{d="x",} 1',
    '"} 1\n',
    '"} 1\npg_up{x="',
    "# TYPE pg_up counter",
    "a,b=c;d",
    "%s {0} $1 :x @y",
    "host=elsewhere dbname=postgres",
    "postgresql://elsewhere/x",
    "emoji \U0001f600\U0001f3fd\u200d\U0001f680",
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd",
    "separators \u2028 \u2029 \x85 \ufeff \xa0",
    "control \x01\x08\x1b[31m\x7f",
    "combining e\u0301 and \xe9",
    "x" * 63,
    "\u4e2d" * 21,
    "x" + "\u4e2d" * 21,  # 64 bytes: cut before the last sign
    "xx" + "\U0001f600" * 16,  # 66 bytes, the same
)
GREETING = "gr\xfc\xdfe \U0001f680"
INVALID = (b"caf\xe9", b"\xff\xfe", b"cut \xf0\x9f\x98", b'quote" \xc0\x80 \n', b"\\xff and \xff")
"""Names that an SQL_ASCII database takes, and that are no UTF-8."""


def kept(name: str) -> str:
    """What the server keeps of a name: 63 bytes, no half of a sign."""
    return name.encode()[:63].decode(errors="ignore")


def escaped(name: bytes) -> str:
    """How a name that is no text is shown."""
    return name.decode("utf-8", "backslashreplace")


VALID = {kept(name) for name in NAMES}
BROKEN = {escaped(name) for name in INVALID}


def quoted(name: bytes) -> bytes:
    return b'"' + name.replace(b'"', b'""') + b'"'


def fill(connection: psycopg.Connection[object], names: list[bytes]) -> None:
    """A schema with a table for each name, and a role."""
    for name in names:
        identifier = quoted(name)
        connection.execute(b"CREATE SCHEMA " + identifier)
        connection.execute(b"CREATE TABLE " + identifier + b"." + identifier + b" (id int)")
        connection.execute(b"CREATE ROLE " + identifier)


@pytest.fixture(scope="module", params=[13, 18], ids=["pg13", "pg18"])
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """All names as databases, schemas, tables and roles: the valid ones in UTF8, the others in SQL_ASCII."""
    with require(Postgres, request.param) as server:
        with server.connect() as connection:
            for name in NAMES:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
                with server.connect(dbname=kept(name)) as other:
                    other.execute("CREATE TABLE here ()")
            fill(connection, [name.encode() for name in NAMES])
            connection.execute("CREATE DATABASE raw ENCODING 'SQL_ASCII' TEMPLATE template0")
        with server.connect(dbname="raw") as connection:
            for invalid in INVALID:
                connection.execute(
                    b"CREATE DATABASE " + quoted(invalid) + b" ENCODING 'SQL_ASCII' TEMPLATE template0"
                )
            fill(connection, list(INVALID))
            fill(connection, [GREETING.encode()])
        yield server


@pytest.fixture(scope="module", params=["postgres", "raw"], ids=["UTF8 is main", "SQL_ASCII is main"])
def page(request: pytest.FixtureRequest, server: Postgres) -> Iterator[str]:
    """The page, while clients are there whose names are no better."""
    with ExitStack() as stack:
        for name in NAMES:
            stack.enter_context(psycopg.connect(server.dsn(), application_name=name))
        exporter = stack.enter_context(Exporter(postgres__dsn=server.dsn(dbname=request.param)))
        exporter.scrape()
        yield exporter.scrape()
        assert "Traceback" not in exporter.log
        assert exporter.log.count("databases left out") == 1


@pytest.fixture(scope="module")
def samples(page: str) -> Samples:
    """The page as prometheus_client's parser reads it."""
    return samples_of(page)


def label(samples: Samples, metric: str, name: str) -> set[str]:
    """All values of a label of a metric."""
    return {dict(labels)[name] for labels in samples[metric]}


def test_no_collector_fails(samples: Samples) -> None:
    assert value(samples, "pg_up") == 1
    assert failed(samples) == set()


def test_promtool_reads_the_page(page: str) -> None:
    assert require(complaints, page)


def test_each_line_is_a_sample(page: str, samples: Samples) -> None:
    lines = [line for line in page.split("\n") if line and not line.startswith("#")]

    assert len(lines) == sum(map(len, samples.values()))


@pytest.mark.parametrize(
    "metric", ["pg_stat_database_xact_commit", "pg_database_size_bytes", "pg_locks_count"]
)
def test_databases(samples: Samples, metric: str) -> None:
    found = label(samples, metric, "datname")

    assert VALID - found == set()
    assert BROKEN - found == set()


def test_roles(samples: Samples) -> None:
    found = label(samples, "pg_roles_connection_limit", "rolname")

    assert VALID - found == set()
    assert BROKEN - found == set()


@pytest.mark.parametrize("metric", ["pg_stat_user_tables_seq_scan", "pg_statio_user_tables_heap_blocks_read"])
def test_schemas_and_tables(samples: Samples, metric: str) -> None:
    found: dict[str, set[tuple[str, str]]] = {}
    for labels in samples[metric]:
        of = dict(labels)
        found.setdefault(of["datname"], set()).add((of["schemaname"], of["relname"]))

    assert {name for name, tables in found.items() if tables == {("public", "here")}} == VALID
    assert found["postgres"] == {(name, name) for name in VALID}
    assert found["raw"] == {(name, name) for name in BROKEN | {GREETING}}


def test_application_names(samples: Samples, server: Postgres) -> None:
    """The server itself replaces what is not printable ASCII; the rest comes through.

    The exporter leaves out the session that asks, and may have opened others since.
    """
    with psycopg.connect(server.dsn()) as connection:
        rows = connection.execute("SELECT application_name FROM pg_stat_activity WHERE datname = 'postgres'")
        expected = {name for (name,) in rows} - {None, "", "datastack-exporter"}
    found = label(samples, "pg_stat_activity_count", "application_name")

    assert {name for name in VALID if name.isascii() and name.isprintable()} <= found
    assert expected - found == set()


@pytest.mark.parametrize("version", VERSIONS)
def test_redis_error_codes(version: str) -> None:
    """A script makes up any error code: of all that INFO names the only thing that a client can choose."""
    codes = ['B"AD', "BACK\\SLASH", '"}', "A=B,C", "\xc9MOJI\U0001f680", "{x}", "%s", "\\n"]
    with require(Redis, version) as redis, redis.client() as client:
        for code in (*(code.encode() for code in codes), b"\xffBYTES"):
            with pytest.raises(ResponseError):
                client.execute_command("EVAL", "return redis.error_reply(ARGV[1])", 0, code + b" said so")
        client.client_setname('na"me\\{}')
        with Exporter(redis__address=redis.url) as exporter:
            page = exporter.scrape()
    samples = samples_of(page)

    assert require(complaints, page)
    assert value(samples, "redis_up") == 1
    assert failed(samples, "redis") == set()
    assert label(samples, "redis_errors_total", "err") >= {*codes, "\\xffBYTES"}
