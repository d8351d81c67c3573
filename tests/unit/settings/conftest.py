"""Loads settings with two collectors, from nothing but what a test gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from exporter.model.errors import SettingsError
from exporter.settings import Settings, load_settings

Load = Callable[..., Settings]
Findings = Callable[..., Sequence[str]]

COLLECTORS = {
    "stat_database": (True, "Transactions of each database."),
    "buffercache": (False, "What is in the buffer cache."),
}


@pytest.fixture
def load() -> Load:
    def load(argv: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> Settings:
        return load_settings(argv, environ or {}, COLLECTORS)

    return load


@pytest.fixture
def findings(load: Load) -> Findings:
    def findings(argv: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> Sequence[str]:
        with pytest.raises(SettingsError) as caught:
            load(argv, environ)
        assert str(caught.value) == "\n".join(caught.value.findings)
        assert all("\n" not in finding for finding in caught.value.findings)
        return caught.value.findings

    return findings
