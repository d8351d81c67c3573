"""Sizes of pools by application name: from each source, with findings that repeat no value."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.settings.conftest import Findings, Load

SIZES = (("web app", 20), ("job", 5))


def test_from_each_source(load: Load, tmp_path: Path) -> None:
    file = tmp_path / "exporter.yml"
    file.write_text("postgres: {dsn: '', pool_sizes: {web app: 20, job: 5}}")
    dsn = {"EXPORTER_POSTGRES__DSN": ""}
    assert load(["--postgres.pool-sizes=web app=20,job=5"], dsn).postgres.pool_sizes == SIZES
    given = {**dsn, "EXPORTER_POSTGRES__POOL_SIZES": "web app=20, job=5"}
    assert load([], given).postgres.pool_sizes == SIZES
    assert load([f"--config.file={file}"], {}).postgres.pool_sizes == SIZES


@pytest.mark.parametrize(
    "text", ["secret", "secret=many", "secret=0", "secret=-1", "=5", "secret=1,secret=2"]
)
def test_anything_else_is_a_finding(findings: Findings, text: str) -> None:
    found = findings([f"--postgres.pool-sizes={text}"])
    assert found
    assert all("postgres.pool_sizes" in line and "secret" not in line for line in found)
