"""What is said of plans, where they are asked for."""

from __future__ import annotations

import pytest

from exporter.doctor.finding import Severity
from exporter.model.errors import DeadlineExceeded, Reason, Refused, SourceError, Unavailable
from tests.unit.doctor.test_postgres import BLOAT, FakePostgres, collector, found, problem

PLANS = collector("query_plans", source="pg_stat_statements", needs=("pg_read_all_data",))
ADVICE = Severity.ADVICE


def test_plans_need_rights_on_tables_and_their_schemas() -> None:
    unread = [("open", "table", "1"), ("shut", "table", "0")]
    finding = problem(FakePostgres(unread=unread), BLOAT, PLANS)

    assert (finding.severity, finding.what[:18]) == (ADVICE, "bloat, query_plans")
    assert finding.remedy.splitlines()[2:5] == [
        'GRANT SELECT ON ALL TABLES IN SCHEMA "open" TO "watcher";',
        'GRANT USAGE ON SCHEMA "shut" TO "watcher";',
        'GRANT SELECT ON ALL TABLES IN SCHEMA "shut" TO "watcher";',
    ]


def test_a_superuser_gets_no_plans() -> None:
    server = FakePostgres(superuser="1", login_superuser="1")

    assert "query_plans asks for no plans" in problem(server, PLANS).what
    assert "plans" not in problem(server).what


@pytest.mark.parametrize(("major", "lines"), [(14, 1), (15, 2)])
def test_statements_of_planning_are_counted(major: int, lines: int) -> None:
    counting = {"pg_stat_statements.track": "top"}
    finding = problem(FakePostgres(major, settings=counting), PLANS)

    assert finding.what.endswith("and two for each statement that query_plans explains")
    assert len(finding.remedy.splitlines()) == lines
    assert ("GRANT SET ON PARAMETER" in finding.remedy) is (major >= 15)
    assert "plans" not in problem(FakePostgres(major, settings=counting)).what


@pytest.mark.parametrize(
    ("text", "memberships", "remedy"),
    [
        (
            "no plans as watcher, which has REPLICATION, pg_signal_backend: REVOKE it",
            "pg_monitor,pg_signal_backend",
            'REVOKE pg_signal_backend FROM "watcher";',
        ),
        (
            "no plans as watcher: it is a superuser or can become one",
            "pg_monitor",
            "CREATE ROLE exporter LOGIN CONNECTION LIMIT 6;",
        ),
    ],
)
def test_rights_that_planning_must_not_have(text: str, memberships: str, remedy: str) -> None:
    refusal = Refused(text, Reason.PERMISSION)
    finding = problem(FakePostgres(refusal=refusal, memberships=memberships), PLANS)

    assert (finding.severity, finding.what) == (ADVICE, f"query_plans: {text}")
    assert finding.remedy.startswith(remedy)
    assert ('ALTER ROLE "watcher" NOREPLICATION;' in finding.remedy) is ("REPLICATION" in text)


def test_no_session_for_plans() -> None:
    pooled: SourceError = Unavailable("plans need a session of their own: connect without the pooler")

    assert problem(FakePostgres(refusal=pooled), PLANS).what == f"query_plans: {pooled}"
    late = FakePostgres(refusal=DeadlineExceeded("its turn did not come"))
    assert {f.severity for f in found(late, PLANS)} == {Severity.OK}


@pytest.mark.parametrize(
    ("usable", "there", "forbidden", "said"),
    [
        ("0", "0", "1", "the function that asks for them is not there"),
        ("0", "1", "1", "is there, but the role may not call it"),
        ("1", "1", "1", ""),
        ("0", "0", "0", ""),
    ],
)
def test_who_plans_what_writes(usable: str, there: str, forbidden: str, said: str) -> None:
    findings = found(FakePostgres(writes=(usable, there, forbidden)), PLANS)
    advice = [finding for finding in findings if finding.severity is not Severity.OK]

    assert [said in finding.what for finding in advice] == ([True] if said else [])
    assert any("of INSERT, UPDATE and DELETE too" in finding.what for finding in findings) is not bool(said)


def test_nobody_asks_about_plans_where_nobody_wants_them() -> None:
    refusal = Refused("no plans as watcher: it is a superuser or can become one", Reason.PERMISSION)
    server = FakePostgres(refusal=refusal, writes=("0", "0", "1"))

    assert {finding.severity for finding in found(server)} == {Severity.OK}
