"""Whatever a password holds, it connects by each way that there is to give it, and nobody gets to see it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import yaml
from psycopg import sql
from psycopg.conninfo import make_conninfo

from exporter.demo.process import free_port
from tests.e2e.judge import failed, timed_scrape, value
from tests.live.doctoring import command
from tests.servers import Exporter, PgBouncer, Postgres, Redis, catalogue, require

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("secrets")]

MARK = "hunter"
"""What no output may show."""
SECRET = f" {MARK}'2 quo\"te back\\slash@at%25 100%,com:col/sl?q#h&=[x]{{y}}$z;`\u00e9\u65e5\U0001f680\t."
ROLE = 'wat cher@"ü'


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL with a role that has this name and this password."""
    with require(Postgres) as server:
        with server.connect() as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE pg_monitor").format(
                    sql.Identifier(ROLE), sql.Literal(SECRET)
                )
            )
        yield server


def parts(port: int, **more: str) -> str:
    """A DSN as name=value pairs, by libpq's own rules."""
    return make_conninfo(host="127.0.0.1", port=port, user=ROLE, dbname="postgres", **more)


def uri(port: int, password: str = "") -> str:
    """A DSN as a URI."""
    secret = f":{quote(password, safe='')}" if password else ""
    return f"postgresql://{quote(ROLE, safe='')}{secret}@127.0.0.1:{port}/postgres"


def passfile(text: str) -> str:
    """A value of a line of PGPASSFILE."""
    return text.replace("\\", "\\\\").replace(":", "\\:")


def written(path: Path, text: str) -> str:
    """A file that only we may read; its path."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def yaml_of(port: int) -> str:
    settings = {"postgres": {"dsn": parts(port), "password": SECRET}}
    return str(yaml.safe_dump(settings, allow_unicode=True))


def location(port: int) -> dict[str, str]:
    """postgres_exporter's variables, without the password."""
    return {"DATA_SOURCE_URI": f"127.0.0.1:{port}/postgres?sslmode=disable", "DATA_SOURCE_USER": ROLE}


def libpq(port: int) -> dict[str, str]:
    """libpq's variables, without the password."""
    return {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": ROLE, "PGDATABASE": "postgres"}


DSN, PASSWORD = "EXPORTER_POSTGRES__DSN", "EXPORTER_POSTGRES__PASSWORD"
Way = Callable[[int, Path], dict[str, str]]

WAYS: dict[str, Way] = {
    "pairs": lambda port, _: {DSN: parts(port, password=SECRET)},
    "URI": lambda port, _: {DSN: uri(port, SECRET)},
    "password": lambda port, _: {DSN: parts(port), PASSWORD: SECRET},
    "password over another": lambda port, _: {DSN: uri(port, "wrong"), PASSWORD: SECRET},
    "password file": lambda port, at: {DSN: uri(port), f"{PASSWORD}_FILE": written(at / "pw", f"{SECRET}\n")},
    "secrets folder": lambda port, at: {
        DSN: uri(port),
        "EXPORTER_CONFIG__SECRETS_DIR": str(Path(written(at / "run" / "postgres__password", SECRET)).parent),
    },
    "YAML": lambda port, at: {"EXPORTER_CONFIG__FILE": written(at / "config.yml", yaml_of(port))},
    "DATA_SOURCE_NAME": lambda port, _: {"DATA_SOURCE_NAME": uri(port, SECRET)},
    "DATA_SOURCE_NAME pairs": lambda port, _: {"DATA_SOURCE_NAME": parts(port, password=SECRET)},
    "DATA_SOURCE_NAME_FILE": lambda port, at: {
        "DATA_SOURCE_NAME_FILE": written(at / "dsn", uri(port, SECRET)),
    },
    "DATA_SOURCE_PASS": lambda port, _: {**location(port), "DATA_SOURCE_PASS": SECRET},
    "DATA_SOURCE_PASS_FILE": lambda port, at: {
        **location(port),
        "DATA_SOURCE_PASS_FILE": written(at / "pw", SECRET),
    },
    "PGPASSFILE": lambda port, at: {
        **libpq(port),
        "PGPASSFILE": written(at / "pass", f"127.0.0.1:{port}:*:{passfile(ROLE)}:{passfile(SECRET)}\n"),
    },
    "PGPASSWORD": lambda port, _: {**libpq(port), "PGPASSWORD": SECRET},
    "PGPASSWORD beside a DSN": lambda port, _: {DSN: uri(port), "PGPASSWORD": SECRET},
}


def run(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A command of ours to its end."""
    return subprocess.run(
        [sys.executable, "-m", "exporter", *arguments],
        cwd=catalogue.ROOT,
        env={"PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def seen(exporter: Exporter) -> str:
    """Everything that the daemon shows to anybody."""
    titles = [Path(f"/proc/{exporter.pid}/{name}").read_text() for name in ("cmdline", "comm")]
    pages = [exporter.get(path).text for path in ("/metrics", "/", "/-/ready", "/nothing")]
    refused = exporter.get(params={"collect[]": "nothing"}).text
    return "".join((exporter.log, *titles, *pages, refused, exporter.post("/-/reload").text))


@pytest.mark.parametrize("way", WAYS)
def test_it_connects_and_stays_secret(server: Postgres, tmp_path: Path, way: str) -> None:
    env = {**WAYS[way](server.port, tmp_path), "EXPORTER_LOG__LEVEL": "debug"}
    with Exporter(env=env) as exporter:
        samples = timed_scrape(exporter)
        assert value(samples, "pg_up") == 1
        assert failed(samples, "postgres") == set()
        assert MARK not in seen(exporter)


@pytest.mark.parametrize("way", ["pairs", "URI", "password", "DATA_SOURCE_PASS", "PGPASSFILE"])
def test_a_failure_does_not_tell_it(fresh_port: int, tmp_path: Path, way: str) -> None:
    """Nobody listens there: libpq's own messages quote the connection string's parts."""
    env = {**WAYS[way](fresh_port, tmp_path), "EXPORTER_LOG__LEVEL": "debug"}
    with Exporter(env=env) as exporter:
        assert value(timed_scrape(exporter), "pg_up") == 0
        assert MARK not in seen(exporter)


@pytest.fixture(scope="module")
def fresh_port() -> int:
    """A port on which nobody listens."""
    return free_port()


@pytest.mark.parametrize("words", ["check", "check --json", "explain", "dump", "catalog"])
def test_no_command_tells_it(server: Postgres, redis: Redis, words: str) -> None:
    env = {
        DSN: uri(server.port, SECRET),
        "EXPORTER_REDIS__ADDRESS": f"redis://:{MARK}@127.0.0.1:{redis.port}",
    }
    done = run(*words.split(), env=env)

    assert done.stdout
    assert MARK not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgresql://u:{MARK}@[nowhere/db",
        f"postgresql://u:{MARK}%zz@127.0.0.1/db",
        f"postgresql://u:{MARK}@127.0.0.1:port/db",
        f"postgresql://u:{MARK}@127.0.0.1/db?nonsense=1",
        f"host=127.0.0.1 password={MARK} nonsense=1",
        f"host=127.0.0.1 password='{MARK}",
        f"{MARK}",
        f"http://u:{MARK}@127.0.0.1/",
        f"host=127.0.0.1 port=nonsense password={MARK}",
        f"host=127.0.0.1 password=two {MARK} words",
        f"host=127.0.0.1 password=two {MARK}=words",
        f"postgresql://u:{MARK}%00@127.0.0.1/db",
        f"postgresql://u:{MARK}@127.0.0.1:5432/db?sslmode=nonsense",
    ],
)
def test_a_dsn_that_is_wrong_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], dsn: str
) -> None:
    ran = command(monkeypatch, capsys, ["check"], postgres__dsn=dsn, host__enabled="false")

    assert ran.code != 0
    assert ran.out + ran.err
    assert MARK not in ran.out + ran.err
    assert "Traceback" not in ran.err


def test_redis_and_pgbouncer_stay_secret(server: Postgres) -> None:
    password = "p w@%,:/?#" + MARK + "\u00e9"
    with require(Redis, password=password) as redis, require(PgBouncer, server) as pooler:
        env = {
            "EXPORTER_REDIS__ADDRESS": f"redis://:{quote(password, safe='')}@127.0.0.1:{redis.port}",
            "EXPORTER_PGBOUNCER__DSN": pooler.dsn(user="stats", password=MARK),
            "EXPORTER_LOG__LEVEL": "debug",
        }
        with Exporter(env=env) as exporter:
            samples = timed_scrape(exporter)
            assert value(samples, "redis_up") == 1
            assert value(samples, "pgbouncer_up") == 0
            redis.kill()
            timed_scrape(exporter)
            assert MARK not in seen(exporter)


def test_a_way_that_fails_is_noticed(server: Postgres) -> None:
    """The other tests would pass with a server that lets everybody in."""
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(uri(server.port, SECRET.strip()))
