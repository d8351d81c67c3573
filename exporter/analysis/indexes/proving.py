"""Asks the planner what indexes would be worth: with HypoPG by planning with them, else by their estimate.

The one module of this package with I/O. Nothing is created or executed: see
`exporter.sources.postgres.plans.PlanSession`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from exporter.analysis.finding import Finding, Gap
from exporter.analysis.indexes.access import Access
from exporter.analysis.indexes.advice import Scene, Surroundings, missing_index_findings
from exporter.analysis.indexes.candidate import Candidate
from exporter.analysis.indexes.candidates import Proposal
from exporter.analysis.indexes.catalog import Catalog
from exporter.analysis.indexes.covering import covering_candidates, covering_findings
from exporter.analysis.indexes.estimate import bytes_of, cost_with
from exporter.analysis.indexes.hints import hints
from exporter.analysis.indexes.limits import limited
from exporter.analysis.indexes.looked import CHEAP, Looked, looked, proposed
from exporter.analysis.indexes.selection import Choice, Trial, best, fewer
from exporter.analysis.plans.nodes import Node, indexes_used
from exporter.analysis.plans.outcomes import WHY
from exporter.analysis.wording import counted, sentence
from exporter.facts.relations import Relations
from exporter.facts.statement import Statement, StatementKey
from exporter.model.deadline import Deadline
from exporter.sources.postgres.plans import Explained, PlanOutcome, PlanSession

_ROUNDS = 3
"""Indexes for one statement at most: a join may need one on each side."""
_REPLACED = 2.0
"""A wider index takes a narrower one's place unless the plan costs more than so many times as much."""


class Advice(NamedTuple):
    """What came of it.

    Attributes:
        findings: missing and covering indexes, and hints at those that can't be proven.
        gaps: what could not be looked at.
        explained: the plan of each statement that was asked for, or why there is none.
    """

    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    explained: Mapping[StatementKey, Explained]


class Trying(NamedTuple):
    """A statement planned with indexes that do not exist: EXPLAIN's plan, its cost, their bytes."""

    root: Node
    cost: float
    bytes: int


async def missing_indexes(
    session: PlanSession,
    relations: Relations,
    statements: Sequence[Statement],
    deadline: Deadline,
    surroundings: Surroundings | None = None,
) -> Advice:
    """Looks for indexes that statements of one database lack.

    About 30 plans of 3 ms for a statement that lacks one and HypoPG there, else one plan for each statement.

    Args:
        session: in that database.
        relations: of that database, with the columns of the tables of the statements.
        statements: the costliest first; their counters are of `surroundings.seconds`.
        deadline: what is not done by then is left out, and a gap says so.
        surroundings: what else matters; defaults otherwise.
    """
    around = surroundings or Surroundings()
    search = _Search(session, Catalog.of(relations), deadline, around)
    for statement in statements:
        await search.look_at(statement)
    await search.consolidate()
    await session.drop_indexes()
    scene = Scene(search.catalog, statements, around)
    findings = [
        *missing_index_findings(search.choices, scene),
        *covering_findings(search.covering, scene),
        *hints(search.looked, {choice.statement.key for choice in search.choices}, scene),
    ]
    return Advice(tuple(findings), tuple(_gaps(search, session)), search.explained)


@dataclass
class _Search:
    session: PlanSession
    catalog: Catalog
    deadline: Deadline
    around: Surroundings

    def __post_init__(self) -> None:
        self.explained: dict[StatementKey, Explained] = {}
        self.looked: list[Looked] = []
        self.choices: list[Choice] = []
        self.covering: list[Choice] = []
        self.left_out = 0

    async def look_at(self, statement: Statement) -> None:
        """Plans one statement, and chooses indexes for it."""
        if not self.deadline.left():
            self.left_out += 1
            return
        text = limited(statement)
        await self.session.drop_indexes()
        found = await self._explain(text, statement, "")
        self.explained[statement.key] = found
        if found.plan is None:
            return
        seen = looked(statement, text, found.plan, found.search_path, self.catalog)
        self.looked.append(seen)
        if self.session.hypopg:
            chosen, root = await self._proven(seen)
            self.covering += await self._covering(seen, root, chosen)
        else:
            chosen = list(self._estimated(seen))
        self.choices += chosen

    async def consolidate(self) -> None:
        """Lets wider indexes take the place of narrower ones, where the planner agrees."""
        instead = fewer([choice.candidate for choice in self.choices])
        chosen: dict[StatementKey, list[Choice]] = {}
        for choice in self.choices:
            chosen.setdefault(choice.statement.key, []).append(choice)
        seen = {looked.statement.key: looked for looked in self.looked}
        self.choices = [
            choice
            for key, every in chosen.items()
            for choice in await self._replaced(seen[key], every, instead)
        ]

    async def _replaced(
        self, seen: Looked, every: list[Choice], instead: Mapping[Candidate, Candidate]
    ) -> list[Choice]:
        others = [instead[choice.candidate] for choice in every]
        if others == [choice.candidate for choice in every]:
            return every
        if all(choice.proven for choice in every):
            tried = await self._try(seen, list(dict.fromkeys(others)))
            after = every[-1].after
            if tried is None or tried.cost > max(after * _REPLACED, after + CHEAP / 2):
                return every
        return [replace(choice, candidate=other) for choice, other in zip(every, others, strict=True)]

    async def _explain(self, text: str, statement: Statement, path: str) -> Explained:
        return await self.session.explain(
            text, self.deadline, statement.tables, user=statement.key.user, search_path=path
        )

    async def _proven(self, seen: Looked) -> tuple[list[Choice], Node]:
        """Takes the best index, then with it in place the best one for another table, and so on."""
        open_to = proposed(seen, self.catalog)
        chosen: list[Choice] = []
        root, cost = seen.root, seen.plan.cost
        for _ in range(_ROUNDS):
            if cost < CHEAP:
                break
            taken = [choice.candidate for choice in chosen]
            trials = await self._trials(seen, taken, [p for _, every in open_to for p in every])
            pick = best([trial for trial, _ in trials.values()], cost)
            if pick is None:
                break
            chosen += [
                Choice(
                    candidate=candidate, statement=seen.statement, base=seen.plan.cost, before=cost,
                    after=pick.cost, bytes=pick.bytes, proven=True,
                )
                for candidate in pick.proposal
            ]  # fmt: skip
            cost, root = pick.cost, trials[pick.proposal][1]
            open_to = [(access, every) for access, every in open_to if pick.proposal not in every]
        return chosen, root

    async def _trials(
        self, seen: Looked, taken: Sequence[Candidate], every: Iterable[Proposal]
    ) -> dict[Proposal, tuple[Trial, Node]]:
        found = {}
        for proposal in every:
            if tried := await self._try(seen, proposal, taken):
                found[proposal] = Trial(proposal, tried.cost, tried.bytes), tried.root
        return found

    async def _try(
        self, seen: Looked, proposal: Sequence[Candidate], taken: Sequence[Candidate] = ()
    ) -> Trying | None:
        """The plan with these indexes; None if one is refused or not used."""
        if not self.deadline.left():
            return None
        await self.session.drop_indexes()
        made = []
        for candidate in (*taken, *proposal):
            table = self.catalog.relations.tables[candidate.table]
            made.append(await self.session.add_index(candidate.definition(table)))
        ours = [index for index in made[len(taken) :] if index is not None]
        if len(ours) < len(proposal):
            return None
        found = await self._explain(seen.text, seen.statement, seen.search_path)
        if found.plan is None or not {index.name for index in ours} <= indexes_used(found.plan):
            return None
        return Trying(found.plan, float(found.plan["Total Cost"]), sum(index.bytes for index in ours))

    async def _covering(self, seen: Looked, root: Node, chosen: Sequence[Choice]) -> list[Choice]:
        cost = chosen[-1].after if chosen else seen.plan.cost
        taken = [choice.candidate for choice in chosen]
        found = []
        for candidate in covering_candidates(seen, root, self.catalog):
            tried = await self._try(seen, [candidate], taken) if cost >= CHEAP else None
            if tried and best([Trial((candidate,), tried.cost, tried.bytes)], cost):
                found.append(
                    Choice(
                        candidate=candidate, statement=seen.statement, base=seen.plan.cost, before=cost,
                        after=tried.cost, bytes=tried.bytes, proven=True,
                    )
                )  # fmt: skip
        return found[:1]

    def _estimated(self, seen: Looked) -> Iterable[Choice]:
        """The best index for each table, one after the other, by our own arithmetic."""
        cost = seen.plan.cost
        for access, every in proposed(seen, self.catalog):
            trials = [t for p in every if (t := self._estimate(p, access, seen))]
            pick = best(trials, seen.plan.cost)
            if pick is None:
                continue
            after = max(0.0, cost - (seen.plan.cost - pick.cost))
            for candidate in pick.proposal:
                yield Choice(
                    candidate=candidate, statement=seen.statement, base=seen.plan.cost, before=cost,
                    after=after, bytes=pick.bytes, proven=False,
                )  # fmt: skip
            cost = after

    def _estimate(self, proposal: Proposal, access: Access, seen: Looked) -> Trial | None:
        cost = cost_with(proposal, access, seen, self.around.random_page_cost)
        return None if cost is None else Trial(proposal, cost, sum(bytes_of(c, access) for c in proposal))


def _gaps(search: _Search, session: PlanSession) -> Iterable[Gap]:
    every = len(search.explained) + search.left_out
    if search.left_out:
        yield Gap(f"plans of {search.left_out:,} of {counted(every, 'statement')}", "There was no time left.")
    missing = Counter(e.outcome for e in search.explained.values() if e.plan is None)
    missing.pop(PlanOutcome.UTILITY, None)
    for outcome, count in missing.most_common():
        why = WHY[outcome]
        yield Gap(f"plans of {count:,} of {counted(every, 'statement')}", sentence(why.reason), why.remedy)
    if not session.hypopg and any(proposed(seen, search.catalog) for seen in search.looked):
        yield Gap(
            "proof of missing indexes",
            "HypoPG is not there, so what an index is worth is estimated.",
            "Install the extension's package, then: CREATE EXTENSION hypopg;",
        )
