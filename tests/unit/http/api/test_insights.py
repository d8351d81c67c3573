"""What is shown of an analysis."""

from __future__ import annotations

import json

from exporter.analysis.finding import Confidence, Evidence, Finding, Gap, Kind, Severity
from exporter.analysis.report import Report
from exporter.facts.statement import StatementKey
from exporter.http.api.routes.insights import Wanted, insights_of

FINDING = Finding(
    kind=Kind.UNUSED_INDEX, severity=Severity.WARNING, confidence=Confidence.HIGH, title="An unused index",
    datname="app", subject="public.i", why="Nobody uses it.", evidence=[Evidence("scans", 0)],
    sql=["DROP INDEX CONCURRENTLY public.i;"], statements=[StatementKey("app", "web", "0" * 16)],
)  # fmt: skip


def test_insights() -> None:
    report = Report(
        target="h:1", taken_at=1.0, seconds=2.0, findings=[FINDING], gaps=[Gap("plans", "they are off")]
    )
    found = insights_of(report, Wanted()).model_dump(mode="json")
    assert found["worst"] == "warning"
    (finding,) = found["findings"]
    assert finding["evidence"] == [{"name": "scans", "value": 0, "unit": ""}]
    assert finding["statements"] == [{"id": "0" * 16, "datname": "app", "user": "web"}]
    assert found["gaps"] == [{"what": "plans", "why": "they are off", "remedy": ""}]
    assert "h:1" not in json.dumps(found)
    assert insights_of(report, Wanted(kind=Kind.SETTING)).findings == []
    assert insights_of(report, Wanted(severity=Severity.CRITICAL)).findings == []
    assert len(insights_of(report, Wanted(severity=Severity.WARNING)).findings) == 1
