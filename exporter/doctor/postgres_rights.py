"""Which rights the role lacks for its collectors, with the GRANT for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from exporter.doctor.finding import Notes
from exporter.doctor.postgres_facts import OWN_ROLE, STATEMENTS, Expected, Facts, Forbidden
from exporter.doctor.sql import identifier
from exporter.model.collector import Named
from exporter.model.view import View

MONITOR, SETTINGS = "pg_monitor", "pg_read_all_settings"
DATA = "pg_read_all_data"
PLANS = "query_plans"
"""The collector that asks for plans: planning takes rights on the tables, and none of a superuser."""
INSTEAD = "-- where pg_monitor can't be granted, these give the same to the collectors that are on:"


def examine(facts: Facts, expected: Expected, open_to_all: Mapping[str, bool], notes: Notes) -> None:
    """Notes what the role may not see.

    Args:
        facts: what the server says.
        expected: what is collected.
        open_to_all: database -> whether every role may connect to it.
        notes: where the findings go.
    """
    if facts.holds("superuser"):
        lines = own_role(facts, expected, open_to_all)
        lost = f"; {PLANS} asks for no plans as one" if plans_wanted(expected) else ""
        notes.advice(f"the role is a superuser, and needs none of that power{lost}", *lines)
        return
    queries = {named.name: named.spec.explain(facts.major) for named in there(expected, facts.major)}
    lacking = {
        named.name: roles for named in there(expected, facts.major) if (roles := _lacking(named, facts))
    }
    forbidden = {
        thing: names
        for thing in facts.forbidden
        if (names := [name for name, sql in queries.items() if _uses(sql, thing)])
    }
    by_monitor = {thing: names for thing, names in forbidden.items() if thing.monitors}
    if lacking or by_monitor:
        _missing_role(facts, lacking, by_monitor, notes)
    for thing, names in forbidden.items():
        if not thing.monitors:
            _missing_grant(facts, thing, names, notes)
    if not lacking and not forbidden:
        notes.ok("the role has the rights that the collectors need")


def there(expected: Expected, major: int) -> list[Named]:
    """The collectors that are on and have something to read on this major version."""
    return [
        named
        for named in expected.collectors
        if not isinstance(named.spec.view, View) or named.spec.view.sql(major)
    ]


def plans_wanted(expected: Expected) -> bool:
    """Whether plans are asked for."""
    return any(named.name == PLANS for named in expected.collectors)


def declared(named: Named) -> frozenset[str]:
    """The roles that a collector says it needs. The functions are found by what it calls."""
    return frozenset(need for need in named.spec.needs if not need.endswith("()"))


def _lacking(named: Named, facts: Facts) -> frozenset[str]:
    """The roles whose rights a collector lacks; for pg_read_all_data see `postgres_databases.py`."""
    return declared(named) - facts.listed("rights") - {DATA}


def _uses(sql: str, thing: Forbidden) -> bool:
    call = r"\s*\(" if thing.kind == "function" else r"\b"
    return re.search(rf"\b{re.escape(thing.name)}{call}", sql) is not None


def _missing_role(
    facts: Facts,
    lacking: Mapping[str, frozenset[str]],
    by_monitor: Mapping[Forbidden, Sequence[str]],
    notes: Notes,
) -> None:
    wanted = sorted({role for roles in lacking.values() for role in roles})
    roles = [MONITOR] if by_monitor else wanted
    names = sorted({*lacking, *(name for names in by_monitor.values() for name in names)})
    lines = [line for role in roles for line in _grants(facts, role)]
    if by_monitor:
        instead = [line for role in wanted for line in _grants(facts, role)]
        instead += [_grant(facts, thing) for thing in by_monitor]
        lines += [INSTEAD, *(f"--   {line}" for line in instead)]
    notes.error(
        f"the role does not have the rights of {', '.join(roles)}: {', '.join(names)} see less, or nothing",
        *lines,
    )


def _missing_grant(facts: Facts, thing: Forbidden, names: Sequence[str], notes: Notes) -> None:
    verb = "call" if thing.kind == "function" else "read"
    plural = "s" if len(names) > 1 else ""
    switch = " ".join(f"--no-collector.{name.replace('_', '-')}" for name in names)
    notes.error(
        f"collector{plural} {', '.join(names)}: the role may not {verb} {thing.signature}",
        f"-- in database {identifier(facts.text('database'))}:",
        _grant(facts, thing),
        f"-- or switch off: {switch}",
    )


def _grant(facts: Facts, thing: Forbidden) -> str:
    right = "EXECUTE ON FUNCTION" if thing.kind == "function" else "SELECT ON"
    return f"GRANT {right} {thing.signature} TO {identifier(facts.text('role'))};"


def _grants(facts: Facts, granted: str) -> list[str]:
    """What makes the rights of a role ours, also where ours does not inherit."""
    role = identifier(facts.text("role"))
    inherits = facts.holds("inherits")
    if facts.major >= 16:  # a grant says whether it is inherited; the role only has the default
        explicit = granted in facts.listed("memberships") or not inherits
        return [f"GRANT {granted} TO {role}{' WITH INHERIT TRUE' if explicit else ''};"]
    return [f"GRANT {granted} TO {role};", *([] if inherits else [f"ALTER ROLE {role} INHERIT;"])]


def own_role(facts: Facts, expected: Expected, open_to_all: Mapping[str, bool]) -> list[str]:
    """The least role that can collect everything."""
    # Twice the sessions: at a restart the old ones may still be there.
    limit = 2 * expected.max_connections
    new = not facts.holds("own_role_exists")
    create = [f"CREATE ROLE {OWN_ROLE} LOGIN CONNECTION LIMIT {limit};"] if new else []
    track = [f"ALTER ROLE {OWN_ROLE} SET {STATEMENTS}.track = 'none';"] if facts.statements_loaded else []
    closed = [name for name, is_open in open_to_all.items() if not is_open and expected.wanted(name)]
    return [
        *create,
        f"GRANT {MONITOR} TO {OWN_ROLE};",
        *(f"GRANT CONNECT ON DATABASE {identifier(name)} TO {OWN_ROLE};" for name in closed),
        *track,
        rf"-- give it a password (in psql: \password {OWN_ROLE}), and log in as it in postgres.dsn",
    ]
