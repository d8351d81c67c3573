"""Compares what an analysis found with what is true of the carrier's database and application."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from exporter.analysis.finding import Finding, Kind
from exporter.analysis.overlaps import MENDED_BY_AN_INDEX, OF_INDEXES
from exporter.analysis.report import Report
from exporter.facts.statement import StatementKey
from tests.live.analysis.defects.app import LOOPS
from tests.live.analysis.defects.asked import Asked
from tests.live.analysis.defects.schema import DATABASE, DEFECTS, Defect
from tests.live.analysis.defects.statements import LACKING

INDEXES_OF_STATEMENTS = (Kind.MISSING_INDEX, Kind.TRIGRAM_INDEX, Kind.GIN_INDEX, Kind.COVERING_INDEX)
NOT_JUDGED = (Kind.SLOW_STATEMENT,)
"""A comparison of a mean with the threshold: there is nothing to be wrong about."""

WRONG_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "autovacuum_vacuum_cost_delay": "20ms",
    "checkpoint_timeout": "1min",
    "password_encryption": "md5",
    "shared_buffers": "128MB",
    "track_io_timing": "off",
    "work_mem": "2MB",
    "idle_in_transaction_session_timeout": "0",
}
RIGHT_SETTINGS = {
    "effective_cache_size": "3GB",
    "log_lock_waits": "on",
    "log_min_duration_statement": "1s",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "random_page_cost": "1.5",
    "statement_timeout": "60s",
}
MEMORY_BYTES = 4 << 30
"""Of the machine, as the analysis is told: the same everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How well one kind of finding did.

    Attributes:
        kind: of finding.
        found: the defects that were found.
        missed: the others.
        right: how many findings said something true; one may be about two defects, or two about one.
        wrong: the titles of those that did not.
    """

    kind: Kind
    found: Sequence[str] = ()
    missed: Sequence[str] = ()
    right: int = 0
    wrong: Sequence[str] = ()

    @property
    def recall(self) -> float:
        """Share of the defects that were found; 1 if there are none."""
        whole = len(self.found) + len(self.missed)
        return len(self.found) / whole if whole else 1.0

    @property
    def precision(self) -> float:
        """Share of the findings that are right; 1 without findings."""
        whole = self.right + len(self.wrong)
        return self.right / whole if whole else 1.0


@dataclass
class _Tally:
    found: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    right: list[Finding] = field(default_factory=list)
    wrong: list[Finding] = field(default_factory=list)

    def score(self, kind: Kind) -> Score:
        wrong = [f"{finding.rule}: {finding.title}" for finding in self.wrong]
        return Score(kind=kind, found=self.found, missed=self.missed, right=len(self.right), wrong=wrong)


def judge(
    report: Report, asked: Sequence[Asked], better: Collection[str], *, of_server: bool = True
) -> dict[Kind, Score]:
    """A score for each kind that there are defects or findings of.

    Args:
        report: what was found.
        asked: the statements that were sent.
        better: names of those that really read less with the indexes that were suggested for them.
        of_server: whether all else was there to be found: settings, loops, what tables have behind them.
    """
    by_kind = {
        kind: [f for f in report.findings if f.kind is kind] for kind in Kind if kind not in NOT_JUDGED
    }
    scores = {kind: of_index(kind, by_kind.pop(kind), asked, better) for kind in INDEXES_OF_STATEMENTS}
    if of_server:
        scores[Kind.ANTI_PATTERN] = of_patterns(by_kind.pop(Kind.ANTI_PATTERN), asked, report)
        scores[Kind.N_PLUS_ONE] = of_loops(by_kind.pop(Kind.N_PLUS_ONE), report)
        scores[Kind.SETTING] = of_settings(by_kind.pop(Kind.SETTING))
        scores |= {kind: of_subjects(kind, found, report) for kind, found in by_kind.items()}
    return {kind: score for kind, score in scores.items() if score.found or score.missed or score.wrong}


def names_of(keys: Iterable[StatementKey], asked: Sequence[Asked]) -> set[str]:
    """The names of the statements that a finding is about."""
    known = {statement.id: statement.name for statement in asked}
    return {known.get(key.id, f"{key.user} {key.id}") for key in keys if key.datname == DATABASE}


def of_index(
    kind: Kind, findings: Sequence[Finding], asked: Sequence[Asked], better: Collection[str]
) -> Score:
    """Indexes that statements lack: right is what a statement wanted, and then really reads less with."""
    tally, wanting = _Tally(), {s.name for s in LACKING if s.kind is kind}
    helped: set[str] = set()
    for finding in findings:
        names = names_of(finding.statements, asked) & wanting & set(better)
        helped |= names
        (tally.right if names else tally.wrong).append(finding)
    for name in (s.name for s in asked if s.name in wanting):
        (tally.found if name in helped else tally.missed).append(name)
    return tally.score(kind)


def of_patterns(findings: Sequence[Finding], asked: Sequence[Asked], report: Report) -> Score:
    """Rules and statements; a sequential scan of a statement that lacks an index is right, not asked for.

    A missing index stands for the rules that it is the answer to.
    """
    tally = _Tally()
    mended = {name for f in report.findings if f.kind in OF_INDEXES for name in names_of(f.statements, asked)}
    said = {(rule, name) for rule in MENDED_BY_AN_INDEX for name in mended}
    lacking = {statement.name for statement in LACKING}
    truth = {(rule, statement.name) for statement in asked for rule in statement.rules}
    for finding in findings:
        pairs = {(finding.rule, name) for name in names_of(finding.statements, asked)}
        said |= pairs & truth
        scanned = finding.rule == "seq_scan" and any(name in lacking for _, name in pairs)
        (tally.right if pairs & truth or scanned else tally.wrong).append(finding)
    for rule, name in sorted(truth):
        (tally.found if (rule, name) in said else tally.missed).append(f"{rule}: {name}")
    return tally.score(Kind.ANTI_PATTERN)


def of_loops(findings: Sequence[Finding], report: Report) -> Score:
    """N+1: the tables of the lookup and of the list."""
    tables = {statement.key: statement.tables for statement in report.statements}
    tally, said = _Tally(), set()
    for finding in findings:
        pair = tuple(tables[key][0] for key in finding.statements)
        said.add(pair)
        (tally.right if pair in LOOPS else tally.wrong).append(finding)
    for pair in sorted(LOOPS):
        (tally.found if pair in said else tally.missed).append(" for each of ".join(pair))
    return tally.score(Kind.N_PLUS_ONE)


def of_settings(findings: Sequence[Finding]) -> Score:
    """Settings with a wrong value."""
    tally = _Tally()
    for finding in findings:
        (tally.right if finding.subject in WRONG_SETTINGS else tally.wrong).append(finding)
    said = {finding.subject for finding in findings}
    for name in sorted(WRONG_SETTINGS):
        (tally.found if name in said else tally.missed).append(name)
    return tally.score(Kind.SETTING)


def of_subjects(kind: Kind, findings: Sequence[Finding], report: Report) -> Score:
    """What is about a table, an index or a role; a statement that lacks an index stands for a foreign key."""
    tally = _Tally()
    defects = [defect for defect in DEFECTS if defect.kind is kind]
    missing = [f for f in report.findings if f.kind is Kind.MISSING_INDEX]
    said = [
        d for d in defects if kind is Kind.UNINDEXED_FOREIGN_KEY and any(_stands_for(f, d) for f in missing)
    ]
    for finding in findings:
        about = [d for d in defects if subject_of(finding) in d.subjects and d.rule in ("", finding.rule)]
        said += about
        (tally.right if about else tally.wrong).append(finding)
    for defect in defects:
        (tally.found if defect in said else tally.missed).append(f"{defect.subjects[0]}: {defect.what}")
    return tally.score(kind)


def _stands_for(finding: Finding, key: Defect) -> bool:
    return f"{finding.subject} ({', '.join(finding.index_columns[:1])})" in key.subjects


def subject_of(finding: Finding) -> str:
    """What a finding is about; of a foreign key its columns too."""
    if finding.kind is not Kind.UNINDEXED_FOREIGN_KEY:
        return finding.subject
    return f"{finding.subject} ({', '.join(finding.index_columns)})"


def document(scores: Mapping[Kind, Score]) -> dict[str, dict[str, object]]:
    """Scores as JSON has them."""
    return {
        kind.value: {
            "found": len(scores[kind].found),
            "missed": sorted(scores[kind].missed),
            "right": scores[kind].right,
            "wrong": sorted(scores[kind].wrong),
        }
        for kind in Kind
        if kind in scores
    }
