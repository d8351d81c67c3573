"""What servers really keep of statements with secrets, and that none of it is shown."""

from __future__ import annotations

import pytest

from exporter.sql.redaction import redacted
from exporter.sql.shape import shape_of
from tests.servers import Postgres, require
from tests.unit.sql.secrets import RUNNABLE, SETUP, runnable_statements

pytestmark = pytest.mark.live


@pytest.mark.parametrize("major", [13, 18])
def test_secrets_that_the_server_keeps_are_not_shown(major: int) -> None:
    statements = runnable_statements(2 * len(RUNNABLE))
    with require(Postgres, major, settings={"shared_preload_libraries": "pg_stat_statements"}) as server:
        for sql in ("create extension pg_stat_statements", *SETUP):
            server.execute(sql)
        with server.connect() as session:
            for sql, _ in statements:
                session.execute(sql.encode())
        texts = [text for (text,) in server.execute("select query from pg_stat_statements")]

    secrets = [secret for _, secret in statements]
    kept = [text for text in texts if any(secret in text for secret in secrets)]
    shown = "\n".join(f"{redacted(text)} {shape_of(text)}" for text in texts)
    assert len(kept) > len(RUNNABLE) / 2, "the server keeps more than half of them"
    assert [secret for secret in secrets if secret in shown] == []
