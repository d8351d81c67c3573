"""The Compose stack as it is shipped, started without an engine: see `tests.deploy.compose.native`.

What this can't show: the images, Grafana, the limits and the networks that Docker makes.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import psycopg
import pytest
import redis
import yaml

from tests.deploy.compose.native import ORDER, Stack, found
from tests.deploy.compose.stack import services
from tests.servers import require

JOBS = {"postgres", "redis", "node", "pgbouncer", "prometheus", "alertmanager"}

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("compose"), pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with require(Stack) as running:
        wait_for(running, f"count(up) == {len(JOBS)} and count(up) == sum(up)")
        yield running


def api(stack: Stack, path: str, **params: str) -> Any:
    with urlopen(f"{stack.url('prometheus')}/api/v1/{path}?{urlencode(params)}", timeout=10) as answer:
        return json.load(answer)["data"]


def wait_for(stack: Stack, expression: str, seconds: float = 20.0) -> list[dict[str, Any]]:
    end = monotonic() + seconds
    while monotonic() < end:
        result: list[dict[str, Any]] = api(stack, "query", query=expression)["result"]
        if result:
            return result
        sleep(0.1)
    raise AssertionError(f"Prometheus has nothing for {expression} after {seconds} s")


def wait_for_line(stack: Stack, line: str, seconds: float = 30.0) -> None:
    end = monotonic() + seconds
    while line not in stack["alert-log"].log:
        assert monotonic() < end, f"no {line!r} in:\n{stack['alert-log'].log}"
        sleep(0.05)


def ask(stack: Stack, sql: str, *, user: str, secret: str, dbname: str = "postgres") -> list[tuple[Any, ...]]:
    password = stack.secret(secret)
    dsn = f"postgresql://{user}:{password}@{stack.hosts['postgres']}:5432/{dbname}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(sql.encode()).fetchall()


def test_all_but_grafana_run() -> None:
    assert {*services()} == {*ORDER, "grafana"}


def test_every_target_is_up(stack: Stack) -> None:
    targets = api(stack, "targets", state="active")["activeTargets"]

    assert {t["labels"]["job"]: (t["health"], t["lastError"]) for t in targets} == dict.fromkeys(
        JOBS, ("up", "")
    )
    instance = f"{stack.hosts['exporter']}:9188"
    assert {t["labels"]["instance"] for t in targets if t["labels"]["job"] in ("postgres", "node")} == {
        instance
    }


def test_all_rules_are_loaded_and_healthy(stack: Stack) -> None:
    folder = services()["prometheus"].bound("/etc/prometheus/rules")
    names = {g["name"] for path in folder.glob("*.yml") for g in yaml.safe_load(path.read_text())["groups"]}
    # A group is evaluated at a moment of its own within its interval.
    wait_for(stack, f"count(prometheus_rule_group_last_evaluation_timestamp_seconds > 0) == {len(names)}")

    groups = api(stack, "rules")["groups"]

    assert {group["name"] for group in groups} == names
    rules = [rule for group in groups for rule in group["rules"]]
    assert [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] == "err"] == []


def test_alertmanager_is_known_to_prometheus(stack: Stack) -> None:
    (known,) = api(stack, "alertmanagers")["activeAlertmanagers"]

    assert known["url"] == f"{stack.url('alertmanager')}/api/v2/alerts"


def test_each_server_is_up_and_no_collector_lacks_a_right(stack: Stack) -> None:
    wait_for(stack, "pg_up == 1 and on () redis_up == 1 and on () pgbouncer_up == 1")
    wait_for(stack, 'exporter_collector_success{collector="slow_statements"} == 1')
    wait_for(stack, "absent(exporter_collector_success == 0)", seconds=30)
    wait_for(stack, 'absent(exporter_collector_skipped{reason="permission"} == 1)', seconds=30)


def test_the_doctor_has_nothing_to_say_about_rights(stack: Stack) -> None:
    line: list[str | Path] = [found("datastack-exporter"), "check", "--json"]
    done = subprocess.run(
        line, env=stack.environment("exporter"), capture_output=True, text=True, check=False, timeout=60
    )

    report = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    assert report


def test_the_role_reads_statistics_and_no_data(stack: Stack) -> None:
    def exporter(sql: str, dbname: str = "postgres") -> list[tuple[Any, ...]]:
        return ask(stack, sql, user="exporter", secret="postgres_password", dbname=dbname)

    shop = "SELECT FROM pg_stat_statements WHERE query LIKE '%order_items%' AND calls > 0"
    end = monotonic() + 20
    while not exporter(shop):  # a server that was killed has lost them
        assert monotonic() < end
        sleep(0.2)
    assert exporter(
        "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    ) == [(False, False, False)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        exporter("SELECT * FROM orders", "shop")


def test_no_password_is_in_the_statistics(stack: Stack) -> None:
    texts = ask(
        stack, "SELECT query FROM pg_stat_statements", user="postgres", secret="postgres_superuser_password"
    )

    said = "\n".join(text for (text,) in texts) + stack["postgres"].log
    for path in stack.secrets.iterdir():
        assert path.name == "redis_users.acl" or path.read_text() not in said


def test_redis_lets_nobody_do_more_than_is_needed(stack: Stack) -> None:
    def client(**account: str) -> redis.Redis:
        return redis.Redis(host=stack.hosts["redis"], **account)  # type: ignore[arg-type]

    with client() as nobody:
        assert nobody.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            nobody.info()
    with client(username="exporter", password=stack.secret("redis_password")) as exporter:
        assert exporter.info("server")
        with pytest.raises(redis.exceptions.NoPermissionError):
            exporter.get("visits")
    with client(username="shop", password=stack.secret("shop_password")) as shop:
        assert int(shop.get("visits") or 0) > 0
        with pytest.raises(redis.exceptions.NoPermissionError):
            shop.flushall()


def test_the_console_of_pgbouncer_shows_and_changes_nothing(stack: Stack) -> None:
    password = stack.secret("pgbouncer_password")
    dsn = f"postgresql://exporter:{password}@{stack.hosts['pgbouncer']}:6432/pgbouncer"
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as console:
        databases = {row[0] for row in console.execute("SHOW DATABASES")}
        with pytest.raises(psycopg.Error, match="admin access needed"):
            console.execute("PAUSE")

    assert databases == {"shop", "pgbouncer"}


def test_the_shop_works_through_pgbouncer(stack: Stack) -> None:
    wait_for(stack, 'pgbouncer_stats_sql_transactions_pooled_total{database="shop"} > 0')
    wait_for(stack, 'pg_stat_database_xact_commit{datname="shop"} > 0')


@pytest.mark.parametrize("name", ["redis", "pgbouncer", "shop"])
def test_a_health_check_says_when_a_service_is_ill(stack: Stack, name: str) -> None:
    service = stack[name]
    assert service.process.healthy()

    if name == "shop":
        Path(service.process.tree.path("/tmp/working")).unlink()
        service.freeze()
    else:
        service.stop()
    try:
        assert not service.process.healthy()
    finally:
        if name == "shop":
            service.thaw()
        else:
            service.start()


def test_a_fault_pages_and_its_end_is_told(stack: Stack) -> None:
    stack["postgres"].kill()
    assert not stack["postgres"].process.healthy()
    wait_for_line(stack, "pager: FIRING critical PostgresDown")
    wait_for_line(stack, "alert-log: FIRING critical PostgresDown")
    assert stack["exporter"].process.healthy()

    stack["postgres"].start()
    wait_for_line(stack, "pager: RESOLVED critical PostgresDown")
    wait_for(stack, "pg_up == 1")


@pytest.mark.parametrize(
    ("host", "status"), [("exporter:9188", 200), ("localhost:9188", 200), ("a.example", 421)]
)
def test_the_exporter_answers_to_its_names_alone(stack: Stack, host: str, status: int) -> None:
    connection = HTTPConnection(stack.hosts["exporter"], 9188, timeout=10)
    try:
        connection.request("GET", "/-/healthy", headers={"Host": host})
        assert connection.getresponse().status == status
    finally:
        connection.close()


def test_heartbeats_come_and_are_written_once(stack: Stack) -> None:
    wait_for_line(stack, "deadman: FIRING none Watchdog")

    assert stack["alert-log"].log.count("deadman: FIRING none Watchdog") == 1
