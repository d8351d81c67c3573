"""pg_exporter_user_queries_load_error, as upstream has it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from exporter.collectors.postgres.user_queries import LOAD_ERROR, build
from exporter.collectors.user_queries import load
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial
from exporter.model.table import Column, Table

GOOD = "queries: {q: {query: SELECT 1 AS m, metrics: {m: M.}}}"


async def test_good_files(tmp_path: Path) -> None:
    (tmp_path / "good").write_text(GOOD)
    path = str(tmp_path / "good")
    tables = await build(load([path]))(Deadline.after(1))

    row = (path, sha256(GOOD.encode()).hexdigest())
    assert tables == [Table(("filename", "hashsum"), [row], [Column(LOAD_ERROR, [0])])]


async def test_a_bad_one_and_one_that_is_not_there(tmp_path: Path) -> None:
    for name, text in (("good", GOOD), ("bad", "queries:\n  q: 5")):
        (tmp_path / name).write_text(text)
    paths = [str(tmp_path / name) for name in ("good", "bad", "gone")]
    with pytest.raises(Partial) as caught:
        await build(load(paths))(Deadline.after(1))

    (table,) = caught.value.tables
    assert [row[0] for row in table.rows] == paths
    assert table.rows[2][1] == ""
    assert table.columns[0].values == [0, 1, 1]
    assert f"{paths[1]} line 2: q: expected keys" in str(caught.value)
    assert f"{paths[2]}: can't be read" in str(caught.value)
