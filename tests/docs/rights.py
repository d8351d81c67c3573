"""The parts of deploy/sql that are made from the collectors' declarations."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from exporter.collectors import discover
from exporter.model.collector import Named
from exporter.model.view import View
from exporter.settings.model import fields_of
from tests.docs.settings import all_settings
from tests.docs.table import code, table

WIDTH = 110
DATA = "pg_read_all_data"
"""To read every table is another decision than to read statistics: it has a file of its own."""
PROCESSES = 2
"""How many with the exporter's account there may be at a time."""


def needed() -> dict[str, list[Named]]:
    """The rights that the collectors of PostgreSQL declare -> who needs each; roles before functions."""
    found: dict[str, list[Named]] = {}
    for named in discover().values():
        for need in named.spec.needs:
            found.setdefault(need, []).append(named)
    return dict(sorted(found.items(), key=lambda entry: (entry[0].endswith("()"), entry[0])))


def rights() -> str:
    """What gives each of them, with the collectors that need it."""
    parts = ["\n".join(_part(need, names)) for need, names in needed().items() if need != DATA]
    return "\n\n".join(parts)


def right_table() -> str:
    """The same for people."""
    rows = [(code(need), ", ".join(_names(names, on=True)), ", ".join(_names(names, on=False)))
            for need, names in needed().items()]  # fmt: skip
    return table(("right", "collectors", "off by default"), rows)


def readers() -> str:
    """The collectors that read as far as their role may read tables and sequences."""
    return "\n".join(_remark("-- ", needed()[DATA]))


def connections() -> str:
    """The limit of connections."""
    default = fields_of(all_settings())["postgres", "max_connections"].default
    return rf"\if :{{?connections}} \else \set connections {PROCESSES * default} \endif"


def _part(need: str, names: list[Named]) -> Iterator[str]:
    yield from _remark("    -- ", names)
    if not need.endswith("()"):
        yield f'    GRANT {need} TO :"role";'
        return
    extensions = {named.spec.view.extension for named in names if isinstance(named.spec.view, View)}
    if extensions == {""}:
        yield f'    GRANT EXECUTE ON FUNCTION {need} TO :"role";'
        return
    (extension,) = extensions
    yield from (
        "    SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, :'role')",
        "    FROM pg_proc AS p",
        "    JOIN pg_depend AS d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'",
        "    JOIN pg_extension AS e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass",
        f"    WHERE e.extname = '{extension}' AND p.proname = '{need.removesuffix('()')}' \\gexec",
    )


def _remark(start: str, names: list[Named]) -> Iterator[str]:
    off = ", ".join(_names(names, on=False))
    parts = [", ".join(_names(names, on=True)), f"off by default: {off}" if off else ""]
    for line in wrap("; ".join(filter(None, parts)), WIDTH - len(start)):
        yield start + line


def _names(names: list[Named], *, on: bool) -> list[str]:
    return [named.name for named in names if named.spec.default is on]
