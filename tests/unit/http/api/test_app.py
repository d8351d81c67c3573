"""The routes over snapshots: what they say, what they do not say, and how errors look."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.http.api.access import FOR_ADMINISTRATORS
from exporter.http.api.figures import Figures, metrics_of
from exporter.model.errors import DeadlineExceeded, Reason, Refused, SettingsError, Skip, Unavailable
from tests.collecting import SPECS
from tests.unit.http.api.asking import SECRET, Answer, ask, bearing, options, token
from tests.unit.http.api.stocked import Stocked

VIEWER, ADMIN = bearing(token()), bearing(token("admin"))
V1 = "/api/v1"


@pytest.fixture
def stocked(tmp_path: Path) -> Iterator[Stocked]:
    made = Stocked(tmp_path)
    yield made
    made.api.close()


async def get(stocked: Stocked, path: str, query: str = "") -> Answer:
    return await ask(stocked.app, V1 + path, headers=VIEWER, query=query)


async def openapi(stocked: Stocked) -> dict[str, Any]:
    described: dict[str, Any] = (await get(stocked, "/openapi.json")).json
    return described


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


async def test_every_route_says_what_it_answers(stocked: Stocked) -> None:
    described = await openapi(stocked)
    found = {path for path, _, _ in operations(described)}
    assert {
        *(f"{V1}/{name}" for name in ("health", "summary", "export/{dataset}")),
        *(f"{V1}/system/{name}" for name in ("cpu", "memory", "disk", "network")),
        *(f"{V1}/redis/{name}" for name in ("status", "stats", "keys", "slow-log")),
        *(f"{V1}/postgres/{n}" for n in ("status", "connections", "slow-queries", "statements")),
        *(
            f"{V1}/postgres/{n}"
            for n in (
                "tables",
                "indexes",
                "plans",
                "explain",
                "insights",
                "statements/by-table",
                "statistics/reset",
            )
        ),
    } <= found
    for path, _, operation in operations(described):
        assert operation["tags"], path
        assert operation["description"], path
        assert operation["responses"]["200"]["content"]["application/json"]["schema"], path
        assert (path in FOR_ADMINISTRATORS) == (operation["tags"] == ["administration"])
        for status, response in operation["responses"].items():
            if status != "200":
                assert list(response["content"]) == ["application/problem+json"], (path, status)
        assert operation.get("security", []) == ([] if path == f"{V1}/health" else [{"HTTPBearer": []}])
    assert "HTTPValidationError" not in described["components"]["schemas"]
    assert "://" not in json.dumps(described)  # no other host has a part in it


async def test_the_document_is_for_viewers(stocked: Stocked) -> None:
    assert (await ask(stocked.app, f"{V1}/openapi.json")).status == 401
    for path in ("/docs", "/redoc", "/openapi.yaml"):
        assert (await get(stocked, path)).status == 404


def all_figures(kind: type[Figures] = Figures) -> Iterator[type[Figures]]:
    for model in kind.__subclasses__():
        yield model
        yield from all_figures(model)


@pytest.mark.parametrize("model", list(all_figures()), ids=lambda model: model.__name__)
def test_what_is_shown_are_metrics(model: type[Figures]) -> None:
    metrics = {metric.name: metric for spec in SPECS.values() for metric in spec.metrics}
    patterns = [name.partition("<")[0] for name, metric in metrics.items() if metric.is_pattern]
    labels = set(model.model_fields) - set(metrics_of(model))
    assert metrics_of(model)
    for name in metrics_of(model).values():
        known = metrics.get(name)
        assert known is not None or any(name.startswith(pattern) for pattern in patterns), name
        assert known is None or labels <= set(known.labels), name


async def test_figures_of_the_host(stocked: Stocked) -> None:
    cpu, memory, disk = [(await get(stocked, f"/system/{n}")).json for n in ("cpu", "memory", "disk")]
    assert cpu["load"] == {"load1": 0.25, "load5": None, "load15": None}
    assert memory["memory"]["mem_total_bytes"] == 1024
    assert [(f["mountpoint"], f["avail_bytes"]) for f in disk["filesystems"]] == [("/", 25)]
    assert cpu["taken_at"].endswith("Z")


async def test_nodes_of_a_group_are_told_apart(stocked: Stocked) -> None:
    status = (await get(stocked, "/redis/status", "target=cache")).json
    assert [(node["node"], node["up"]) for node in status["nodes"]] == [
        ("one:6379", True),
        ("two:6379", False),
    ]
    keys = (await get(stocked, "/redis/keys", "target=cache")).json
    assert [[d["db"] for d in node["databases"]] for node in keys["nodes"]] == [["db0"], ["db0"]]


async def test_the_summary_has_each_target(stocked: Stocked) -> None:
    found = {t["name"]: t for t in (await get(stocked, "/summary")).json["targets"]}
    assert list(found) == ["default", "cache", "orders"]
    assert found["default"]["system"]["fullest_filesystem_ratio"] == 0.75
    assert found["cache"]["redis"] | {"first": None} == {
        "up": False, "nodes": 2, "first": None, "keys": 6, "hit_ratio": None,
    }  # fmt: skip
    assert found["orders"]["postgres"]["up"] is False
    assert found["orders"]["redis"] is None
    (one,) = (await get(stocked, "/summary", "target=cache")).json["targets"]
    assert one["name"] == "cache"


async def test_health_tells_no_secret(stocked: Stocked) -> None:
    answer = await ask(stocked.app, f"{V1}/health")
    assert answer.status == 200
    assert "secret" not in answer.body.decode()
    health = answer.json
    assert health["status"] == "down"
    (orders,) = [target for target in health["targets"] if target["name"] == "orders"]
    assert orders["servers"] == [{"family": "postgres", "up": False, "latency_seconds": 0.5}]
    assert [(c["collector"], c["state"], c["reason"]) for c in orders["collectors"]] == [
        ("postgres_up", "failed", "unavailable")
    ]


async def test_many_callers_cost_one_collection(stocked: Stocked) -> None:
    await asyncio.gather(*(ask(stocked.app, f"{V1}/health", client=f"192.0.2.{n}") for n in range(20)))
    await asyncio.gather(*(get(stocked, "/system/cpu") for _ in range(20)))
    assert len(stocked.host.asked) == 2


async def test_after_a_reload_nothing_of_before_is_shown(stocked: Stocked) -> None:
    before = (await get(stocked, "/system/cpu")).json
    stocked.served = replace(stocked.served)
    after = (await get(stocked, "/system/cpu")).json
    assert after["taken_at"] != before["taken_at"]


UNKNOWN = (
    ("/system/cpu", "target=nobody"),
    ("/system/cpu", "target=cache"),
    ("/redis/status", ""),
    ("/postgres/status", "target=192.0.2.7:5432"),
    ("/postgres/statements", "target=cache"),
    ("/postgres/plans/0123456789abcdef", "target=orders"),
    ("/export/tables", ""),
    ("/nothing", ""),
    ("/system/cpu/", ""),
    ("/../../etc/passwd", ""),
)


async def test_what_is_not_there(stocked: Stocked) -> None:
    for path, query in UNKNOWN:
        answer = await get(stocked, path, query)
        assert answer.status == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["status"] == 404
        assert "192.0.2.7" not in answer.body.decode()


INVALID = (
    ("/system/cpu", "host=192.0.2.7", "query.host"),
    ("/system/cpu", "target=", "query.target"),
    ("/postgres/tables", "limit=0", "query.limit"),
    ("/postgres/tables", "limit=1001", "query.limit"),
    ("/postgres/tables", "offset=-1", "query.offset"),
    ("/postgres/tables", f"database={'x' * 64}", "query.database"),
    ("/postgres/plans/xyz", "", "path.id"),
    ("/export/passwords", "", "path.dataset"),
    ("/export/tables", "format=xml", "query.format"),
)


async def test_what_is_not_as_documented(stocked: Stocked) -> None:
    for path, query, location in INVALID:
        answer = await get(stocked, path, query)
        assert answer.status == 422, path
        assert [error["location"] for error in answer.json["errors"]] == [location]
        assert "192.0.2.7" not in answer.body.decode()


async def test_methods(stocked: Stocked) -> None:
    for path, there in (
        ("/system/cpu", "GET, HEAD, OPTIONS"),
        ("/postgres/statistics/reset", "OPTIONS, POST"),
    ):
        for method in ("PUT", "DELETE", "TRACE"):
            answer = await ask(stocked.app, V1 + path, method, headers=ADMIN)
            assert (answer.status, answer.headers["allow"]) == (405, there)
            assert answer.json["title"] == "Method Not Allowed"
        asked = await ask(stocked.app, V1 + path, "OPTIONS", headers=ADMIN)
        assert (asked.status, asked.headers["allow"], asked.body) == (204, there, b"")
    assert (await ask(stocked.app, f"{V1}/nothing", "OPTIONS", headers=VIEWER)).status == 404


RESET = f"{V1}/postgres/statistics/reset"


async def post(stocked: Stocked, role: str, body: bytes, query: str = "target=orders") -> Answer:
    headers = {**bearing(token(role)), "Content-Type": "application/json", "Content-Length": str(len(body))}
    return await ask(stocked.app, RESET, "POST", headers=headers, query=query, body=[body])


async def test_a_reset_is_for_administrators(stocked: Stocked, tmp_path: Path) -> None:
    assert (await post(stocked, "viewer", b'{"statistics": "statements"}')).status == 403
    assert (await post(stocked, "viewer", b"{")).status == 403
    for body in (b"", b"{", b"[]", b"{}", b'{"statistics": "all"}', b'{"statistics": "statements", "x": 1}'):
        assert (await post(stocked, "admin", body)).status == 422, body
    both = b'{"statistics": "statements", "database": "app"}'
    assert (await post(stocked, "admin", both)).status == 422
    results = [json.loads(line)["result"] for line in (tmp_path / "audit.log").read_text().splitlines()]
    assert results == ["refused"] * 2 + ["begun", "failed"] * 7


async def test_keys_are_read_again(stocked: Stocked, tmp_path: Path) -> None:
    other = "another secret, and not a short one: 0123456789"
    (tmp_path / "secret").write_text(other)
    assert (await get(stocked, "/system/cpu")).status == 200
    stocked.api.prepared(options(tmp_path))()  # which has written the first secret again
    assert (await get(stocked, "/system/cpu")).status == 200
    changed = options(tmp_path)
    (tmp_path / "secret").write_text(other)
    stocked.api.prepared(changed)()
    assert (await get(stocked, "/system/cpu")).status == 401
    (tmp_path / "secret").write_text("short")
    with pytest.raises(SettingsError):
        stocked.api.prepared(changed)
    headers = bearing(token(key=other))
    assert (await ask(stocked.app, f"{V1}/system/cpu", headers=headers)).status == 200


async def test_a_reload_gives_nobody_new_requests(tmp_path: Path) -> None:
    stocked = Stocked(tmp_path, requests_per_minute=2)
    statuses = []
    for limit in (2, 2, 2, 3):
        statuses.append((await get(stocked, "/system/cpu")).status)
        stocked.api.prepared(options(tmp_path, requests_per_minute=limit))()
    assert statuses == [200, 200, 429, 429]
    assert (await get(stocked, "/system/cpu")).status == 200  # another limit counts anew
    stocked.api.close()


@pytest.mark.parametrize("missing", ["jwt_secret_file", "audit_file"])
def test_it_does_not_begin_with_bad_files(tmp_path: Path, missing: str) -> None:
    changed: dict[str, Any] = {missing: tmp_path / "none" / "file"}
    with pytest.raises(SettingsError, match=f"api.{missing}"):
        Stocked(tmp_path, **changed)


async def test_what_a_server_says_is_not_repeated(stocked: Stocked) -> None:
    said = f"postgres at secret-host:5432: password {SECRET}"
    errors = {
        Unavailable(said): 503,
        DeadlineExceeded(said): 504,
        Refused(said): 502,
        Refused(said, Reason.PERMISSION): 502,
        Skip(Reason.UNSUPPORTED, said): 503,
    }
    for error, status in errors.items():

        async def failing(*_: object, error: Exception = error) -> Any:
            raise error

        stocked.served = replace(stocked.served, top=replace(stocked.served.top, scrape=failing))
        answer = await get(stocked, "/system/cpu")
        assert (answer.status, "secret" in answer.body.decode()) == (status, False)
