"""The JSON API of the running daemon: who gets in, what it says beside /metrics, what it never says."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import sampled_from
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from tests.e2e.api_caller import PASSWORD, V1, Served
from tests.e2e.judge import timed_scrape, value
from tests.servers import Exporter, Postgres, Redis, require
from tests.unit.http.api.asking import SECRET, bearing, token

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("api")]

TABLES = 60
RIGHT = "GRANT EXECUTE ON FUNCTION pg_stat_statements_reset"
GETS = (
    *(f"/postgres/{n}" for n in ("status", "connections", "slow-queries", "statements", "tables", "indexes")),
    *(
        "/postgres/statements/by-table",
        "/postgres/plans",
        "/redis/status",
        "/redis/stats",
        "/redis/keys",
        "/redis/slow-log",
        "/summary",
    ),
    *(f"/system/{n}" for n in ("cpu", "memory", "disk", "network")),
    *(f"/export/{n}" for n in ("statements", "tables", "indexes", "connections", "slow-queries")),
    *("/health", "/openapi.json"),
)


@pytest.fixture(scope="module")
def served(redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """With a server whose statements hold a password, and 60 tables."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "secret").write_text(SECRET)
    preloaded = {"shared_preload_libraries": "pg_stat_statements"}
    with require(Postgres, settings=preloaded) as postgres:
        postgres.execute("CREATE EXTENSION pg_stat_statements")
        postgres.execute("CREATE DATABASE other")
        postgres.execute("CREATE ROLE watcher LOGIN IN ROLE pg_monitor")
        postgres.execute(f"ALTER ROLE watcher PASSWORD '{PASSWORD}'")
        postgres.execute(
            ";".join(f"CREATE TABLE t{n:03} (id int PRIMARY KEY, b text)" for n in range(TABLES))
        )
        postgres.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO watcher")
        postgres.execute(f"SELECT id FROM t001 WHERE b = '{PASSWORD}'")
        postgres.execute(f"{RIGHT} TO watcher")
        for database in ("postgres", "other"):
            postgres.execute("GRANT EXECUTE ON FUNCTION pg_stat_reset() TO watcher", dbname=database)
        exporter = Exporter(
            postgres__dsn=postgres.dsn(user="watcher", password=PASSWORD),
            redis__address=redis.url,
            api__enabled="true",
            api__jwt_secret_file=str(folder / "secret"),
            api__audit_file=str(folder / "audit.log"),
            api__requests_per_minute="100000",
        )
        with exporter:
            exporter.scrape()
            yield Served(exporter, postgres, folder)


def test_metrics_are_as_without_it(served: Served) -> None:
    samples = timed_scrape(served.exporter)
    assert value(samples, "pg_up") == value(samples, "redis_up") == 1
    assert served.exporter.get("/-/healthy").status == 200


def test_all_answer_a_viewer_and_no_one_else(served: Served) -> None:
    for path in GETS:
        answer = served.get(path)
        assert answer.status == 200, (path, answer.text)
        assert answer.headers["cache-control"] == "no-store"
        assert PASSWORD not in answer.text
        assert SECRET not in answer.text
        assert served.get(path, role="").status == (200 if path == "/health" else 403)
        assert served.get(path, role=None).status == (200 if path == "/health" else 401)


def test_unknown_paths_are_as_others_without_a_token(served: Served) -> None:
    there, gone = served.get("/summary", role=None), served.get("/gone", role=None)
    assert (there.status, there.headers, there.body) == (gone.status, gone.headers, gone.body)
    assert served.exporter.get(V1).status == 401
    assert served.exporter.get("/api").status == 404


def test_a_request_that_is_none_is_a_problem_as_well(served: Served) -> None:
    answer = served.exporter.get(f"{V1}/postgres/plans/%0D")

    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert json.loads(answer.body)["status"] == 400


def test_health_in_detail_tells_no_secret(served: Served) -> None:
    answer = served.get("/health", role=None)
    health = json.loads(answer.body)
    assert health["status"] in ("ok", "degraded")
    (target,) = health["targets"]
    assert {server["family"] for server in target["servers"]} == {"postgres", "redis", "host"}
    for secret in ("watcher", "127.0.0.1", str(served.postgres.port), "template1"):
        # A word of its own: the digits of a port may stand in the middle of a duration.
        assert not re.search(rf"(?<![\d.]){re.escape(secret)}(?!\d)", answer.text)


def test_figures_are_those_of_the_page(served: Served) -> None:
    status = served.json("/postgres/status")
    memory = served.json("/system/memory")["memory"]
    redis = served.json("/redis/status")["nodes"][0]["figures"]
    samples = timed_scrape(served.exporter)
    sizes = {dict(labels)["datname"]: size for labels, size in samples["pg_database_size_bytes"].items()}
    assert {d["datname"]: d["size_bytes"] for d in status["databases"]} == sizes
    assert status["server"]["connections_limit"] == value(samples, "pg_connections_limit")
    assert memory["mem_total_bytes"] == value(samples, "node_memory_MemTotal_bytes")
    assert redis["maxclients"] == value(samples, "redis_max_clients")


def test_statements_tables_and_indexes(served: Served) -> None:
    statement = served.statement()
    assert (statement["operation"], statement["datname"]) == ("SELECT", "postgres")
    assert statement["calls"] >= 1
    tables = served.json("/postgres/tables", limit="1000")
    assert tables["total"] == TABLES
    part = served.json("/postgres/tables", limit="10", offset="55")
    assert part["items"] == tables["items"][55:]
    indexes = served.json("/postgres/indexes", limit="1")
    assert indexes["total"] == TABLES
    assert indexes["items"][0]["columns"] == ["id"]
    assert served.json("/postgres/tables", database="other")["datname"] == "other"


def test_nothing_in_a_request_reaches_another_server(served: Served) -> None:
    for database in (
        "nobody",
        f"host=127.0.0.1 port={served.postgres.port} dbname=other",
        "postgresql://x/y",
    ):
        assert served.get("/postgres/tables", database=database).status == 404
    assert served.get("/postgres/status", target="127.0.0.1:6379").status == 404
    assert served.get("/postgres/status", dsn="host=127.0.0.1").status == 422


def test_a_plan_on_demand(served: Served) -> None:
    answer = served.post("/postgres/explain", {"id": served.statement()["id"], "datname": "postgres"})
    plan = json.loads(answer.body)
    assert (answer.status, plan["outcome"]) == (200, "ok"), answer.text
    assert plan["plan"]["Relation Name"] == "t001"
    assert PASSWORD not in answer.text
    assert served.post("/postgres/explain", {"id": "0" * 16}).status == 404


def test_insights(served: Served) -> None:
    found = served.json("/postgres/insights", database="other")
    assert found["duration_seconds"] < 45
    for finding in found["findings"]:
        assert finding["why"], finding
        assert finding["evidence"], finding
    assert served.get("/postgres/insights", database="nobody").status == 404


def test_an_export_in_parts_is_the_whole(served: Served) -> None:
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        part = served.json("/export/tables", limit="25", **({"cursor": cursor} if cursor else {}))
        rows += part["items"]
        cursor = part["next"]
    assert [row["relname"] for row in rows] == [f"t{n:03}" for n in range(TABLES)]

    answer = served.get("/export/tables", format="csv", limit="25")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'rel="next"' in answer.headers["link"]
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["relname"] for row in table] == [row["relname"] for row in rows[:25]]
    lines = served.get("/export/tables", format="jsonl").text.splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_only_an_administrator_resets_and_it_is_written_down(served: Served) -> None:
    reset = "/postgres/statistics/reset"
    served.statement()
    served.postgres.execute(RIGHT.replace("GRANT", "REVOKE") + " FROM watcher")
    before = len(served.audited())
    assert served.post(reset, {"statistics": "statements"}).status == 403
    # The role has not the right: nothing happens, and no word of the server's is passed on.
    refused = served.post(reset, {"statistics": "statements"}, "admin")
    assert (refused.status, "watcher" in refused.text) == (502, False)

    served.postgres.execute(f"{RIGHT} TO watcher")
    done = served.post(reset, {"statistics": "statements"}, "admin")
    assert done.status == 200, done.text
    found = served.json("/postgres/statements", limit="1000")["items"]
    assert not [s for s in found if s["tables"] == ["t001"]]
    assert served.post(reset, {"statistics": "database", "database": "other"}, "admin").status == 200
    assert served.post(reset, {"statistics": "database", "database": "nobody"}, "admin").status == 404

    lines = [(line["role"], line["result"], line["status"]) for line in served.audited()[before:]]
    expected = [("failed", 502), ("done", 200), ("done", 200), ("failed", 404)]
    after = [("admin", result, status) for result, status in expected]
    begun = [("admin", "begun", None)] * len(after)
    assert lines == [
        ("viewer", "refused", 403),
        *(line for pair in zip(begun, after, strict=True) for line in pair),
    ]
    assert (served.folder / "audit.log").stat().st_mode & 0o777 == 0o600


QUICKLY = settings(
    max_examples=4,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_it_does_as_it_says(served: Served) -> None:
    url = f"http://127.0.0.1:{served.exporter.port}{V1}/openapi.json"
    schema = schemathesis.openapi.from_url(url, headers=bearing(token()))
    schema.config.checks.negative_data_rejection.expected_statuses += ["413", "414"]
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        for mode in GenerationMode:

            @QUICKLY
            @given(operation.as_strategy(generation_mode=mode), sampled_from(["viewer", "admin"]))
            def as_it_says(case: schemathesis.Case[Any], role: str) -> None:
                case.call_and_validate(headers=bearing(token(role)))

            with suppress(Unsatisfiable):  # what takes nothing can be given nothing wrong
                as_it_says()


def test_another_secret_after_a_reload(served: Served) -> None:
    other = "another secret, and not a short one: 0123456789"
    (served.folder / "secret").write_text(other)
    os.kill(served.exporter.pid, signal.SIGHUP)
    end = monotonic() + 5
    while served.get("/summary").status != 401:
        assert monotonic() < end, served.exporter.log
        sleep(0.02)
    assert served.exporter.get(f"{V1}/summary", headers=bearing(token(key=other))).status == 200
    (served.folder / "secret").write_text("short")
    assert served.exporter.post("/-/reload").status == 500
    assert served.exporter.get(f"{V1}/summary", headers=bearing(token(key=other))).status == 200
    (served.folder / "secret").write_text(SECRET)
    assert served.exporter.post("/-/reload").status == 200
    assert served.get("/summary").status == 200


def test_no_log_holds_a_secret(served: Served) -> None:
    logs = served.exporter.log + (served.folder / "audit.log").read_text()
    assert PASSWORD not in logs
    assert SECRET not in logs
    assert token().partition(".")[0] not in logs
