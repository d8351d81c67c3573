"""The report as text and as JSON."""

from __future__ import annotations

import json

from exporter.doctor.finding import Finding, Notes, Severity
from exporter.doctor.report import as_json, healthy, lines

OK = Finding("a", Severity.OK, "fine")
ADVICE = Finding("a", Severity.ADVICE, "could be better", "LINE 1;\n-- line 2")
ERROR = Finding("b", Severity.ERROR, "broken \x1b[2J\n", "MEND;")


def test_findings_stand_below_their_target_and_remedies_below_their_finding() -> None:
    assert list(lines([OK, ERROR, ADVICE], ["redis (redis.address)"])) == [
        "a",
        "  ok      fine",
        "  advice  could be better",
        "            LINE 1;",
        "            -- line 2",
        "",
        "b",
        "  error   broken \\x1b[2J\\n",
        "            MEND;",
        "",
        "not configured: redis (redis.address)",
        "1 ok, 1 advice, 1 error",
    ]


def test_only_errors_are_unhealthy() -> None:
    assert healthy([OK, ADVICE])
    assert not healthy([OK, ERROR])


def test_json_has_it_all() -> None:
    document = json.loads(as_json([OK, ADVICE, ERROR]))

    assert document["ok"] is False
    assert document["counts"] == {"ok": 1, "advice": 1, "error": 1}
    assert document["findings"][2] == {
        "target": "b",
        "severity": "error",
        "what": "broken \x1b[2J\n",
        "remedy": "MEND;",
    }


def test_a_target_is_not_named_twice() -> None:
    notes = Notes("postgres at db:5432")
    notes.error("postgres at db:5432: gone")
    notes.error("db:5432: gone")

    assert [finding.what for finding in notes.findings] == ["gone", "gone"]
