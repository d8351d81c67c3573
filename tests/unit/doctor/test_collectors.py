"""From what became of collectors to findings: one for each cause."""

from __future__ import annotations

from exporter.doctor.collectors import judge
from exporter.doctor.finding import Finding, Severity
from exporter.doctor.trial import Trial
from exporter.model.collector import CollectorSpec, Named
from exporter.model.errors import Reason
from exporter.model.snapshot import Outcome, State

TARGET = "postgres at db:5432"


def trial(name: str, state: State, reason: Reason | None = None, text: str = "") -> Trial:
    spec = CollectorSpec(help="X.", source="postgres", metrics=(), build=lambda _: None)  # type: ignore[arg-type, return-value]
    return Trial(Named(name, "postgres", spec), Outcome(name, "postgres", state, 0.1, reason, text), ())


FINE = trial("fine", State.OK)
TOO_OLD = trial("newer", State.SKIPPED, Reason.VERSION, "needs PostgreSQL 17")


def test_all_is_well_when_some_have_rightly_nothing_to_collect() -> None:
    (finding,) = judge(TARGET, [FINE, TOO_OLD])

    assert finding.severity is Severity.OK
    assert (
        finding.what
        == "collectors that gave all they should: 1; nothing to collect: newer (needs PostgreSQL 17)"
    )


def test_collectors_that_fail_for_one_reason_are_one_finding() -> None:
    broken = [trial(name, State.FAILED, Reason.ERROR, "bad query") for name in ("a_b", "c")]
    (finding,) = judge(TARGET, [FINE, *broken])

    assert finding.severity is Severity.ERROR
    assert finding.what == "collectors a_b, c: bad query"
    assert "--no-collector.a-b --no-collector.c" in finding.remedy


def test_a_late_collector_needs_time() -> None:
    (finding,) = judge(TARGET, [trial("slow", State.LATE, Reason.DEADLINE, "not ready")])

    assert finding.severity is Severity.ERROR
    assert "--scrape.timeout-seconds" in finding.remedy


def test_a_file_that_may_not_be_read_is_advice() -> None:
    (finding,) = judge("host", [trial("netclass", State.SKIPPED, Reason.PERMISSION, "/sys/x: may not")])

    assert finding.severity is Severity.ADVICE


def test_what_a_finding_explains_is_not_said_again() -> None:
    grant = Finding(TARGET, Severity.ERROR, "no rights", "GRANT pg_monitor TO r;")
    closed = Finding(TARGET, Severity.ERROR, "database d: it is closed")
    refused = trial("wal", State.FAILED, Reason.PERMISSION, "permission denied")
    partial = trial("tables", State.FAILED, Reason.UNAVAILABLE, "it is closed")

    assert judge(TARGET, [FINE, refused, partial], [grant, closed]) == []
    assert [f.what for f in judge(TARGET, [refused, partial], [closed])] == [
        "collector wal: permission denied"
    ]
    advice = Finding(TARGET, Severity.ADVICE, "superuser", "GRANT pg_monitor TO r;")
    assert len(judge(TARGET, [refused], [advice])) == 1


def test_a_missing_grant_explains_only_what_it_is_about() -> None:
    grant = Finding(
        TARGET, Severity.ERROR, "collector wal: the role may not call pg_ls_waldir()", "GRANT ..."
    )
    wal = trial("wal", State.FAILED, Reason.PERMISSION, "permission denied for function pg_ls_waldir: GRANT")
    tmp = trial("tmp", State.FAILED, Reason.PERMISSION, "permission denied for function pg_ls_tmpdir")

    assert [f.what for f in judge(TARGET, [wal, tmp], [grant])] == [f"collector tmp: {tmp.outcome.text}"]


def test_a_connection_limit_explains_refused_connections() -> None:
    limit = Finding(TARGET, Severity.ERROR, "the role has a limit of 2", 'ALTER ROLE "r" CONNECTION LIMIT 3;')
    text = 'FATAL: too many connections for role "r"'

    assert judge(TARGET, [trial("locks", State.FAILED, Reason.UNAVAILABLE, text)], [limit]) == []
