"""How the tests of the API ask the daemon."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.servers import Exporter, Postgres
from tests.servers.page import Answer, request
from tests.unit.http.api.asking import bearing, token

V1 = "/api/v1"
PASSWORD = "hunter-in-a-statement"


@dataclass
class Served:
    """The daemon with the API on, beside one server of each kind."""

    exporter: Exporter
    postgres: Postgres
    folder: Path

    def get(self, path: str, role: str | None = "viewer", **params: str) -> Answer:
        headers = {} if role is None else bearing(token(role))
        return self.exporter.get(V1 + path, params=params, headers=headers)

    def json(self, path: str, **params: str) -> Any:
        answer = self.get(path, **params)
        assert answer.status == 200, answer.text
        return json.loads(answer.body)

    def post(self, path: str, body: Mapping[str, Any], role: str = "viewer") -> Answer:
        headers = {**bearing(token(role)), "Content-Type": "application/json"}
        content = json.dumps(body).encode()
        return request(self.exporter.port, V1 + path, method="POST", headers=headers, body=content)

    def statement(self) -> dict[str, Any]:
        """A statement with a password in it, as the API has it; it is run for that."""
        self.postgres.execute(f"SELECT id FROM t001 WHERE b = '{PASSWORD}'")
        end = monotonic() + 30
        while True:
            found = self.json("/postgres/statements", limit="1000")["items"]
            for statement in found:
                if statement["tables"] == ["t001"]:
                    return dict(statement)
            assert monotonic() < end, found
            sleep(0.5)  # what was read before is shared for some seconds

    def audited(self) -> list[dict[str, Any]]:
        lines = (self.folder / "audit.log").read_text().splitlines()
        return [json.loads(line) for line in lines]
