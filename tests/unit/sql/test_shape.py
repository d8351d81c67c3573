from __future__ import annotations

import pytest
from hypothesis import given

from exporter.sql.shape import shape_of
from tests.each import each
from tests.unit.sql.corpus import queries, utilities
from tests.unit.sql.texts import texts

OPERATIONS = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "UTILITY"}


@pytest.mark.parametrize(
    ("sql", "operation", "tables"),
    [
        ('select * from b, Shop.A a join "Big" on true', "SELECT", ("b", "shop.a", "Big")),
        ("insert into a select * from b", "INSERT", ("a", "b")),
        ("with x as (select * from b) insert into a select * from x", "INSERT", ("a", "b")),
        ("with x as (delete from b returning *) update only s.a set c = 1 from x", "UPDATE", ("s.a", "b")),
        ("delete from a using b join c using (d), e", "DELETE", ("a", "b", "c", "e")),
        ("merge into a using (select * from b) x on true when matched then do nothing", "MERGE", ("a", "b")),
        ("with a as (select * from a) select * from a", "SELECT", ("a",)),
        ("with recursive a as (select 1 union select x from a) select * from a", "SELECT", ()),
        ("with x as (select 1) select * from s.x", "SELECT", ("s.x",)),
        ("select * from (with x as (select 1) select * from x) y, x", "SELECT", ("x",)),
        (
            "select extract(year from d), trim(from n) from f(x), t where a is distinct from b",
            "SELECT",
            ("t",),
        ),
        ("select * from rows from (f(), g()) as r, t", "SELECT", ("t",)),
        ("table t", "SELECT", ("t",)),
        ("values (1)", "SELECT", ()),
        ("(select 1 from a) union (select 1 from b)", "SELECT", ("a", "b")),
        ("select 1 from t, t, s.t, T", "SELECT", ("t", "s.t")),
        ("select 1 from t for update of t", "SELECT", ("t",)),
        ("insert into a values (1) on conflict (b) do update set c = 1", "INSERT", ("a",)),
        ('select 1 from U&"d\\0061ta"', "SELECT", ("data",)),
        ('select 1 from "two words", s."a=b"', "SELECT", ("?", "s.?")),
        ("select 1 from ÀB", "SELECT", ("Àb",)),
        ("select 1 from a where b = 'from c", "SELECT", ("a",)),
        ("select 1 from a join", "SELECT", ("a",)),
        ("with x as (select 1 from a where", "SELECT", ("a",)),
        ("begin; update a set b = 1", "UPDATE", ("a",)),
        ("select 1 from a; select 1 from b", "SELECT", ("a",)),
        ("explain select 1 from a", "UTILITY", ()),
        ("", "UTILITY", ()),
    ],
)
def test_operation_and_tables_are_read_off_the_text(
    sql: str, operation: str, tables: tuple[str, ...]
) -> None:
    found = shape_of(sql)

    assert (found.operation, found.tables) == (operation, tables)


@each(list(utilities()))
def test_a_utility_statement_has_its_command_tag(utility: tuple[str, str]) -> None:
    tag, sql = utility
    found = shape_of(sql)

    assert (found.operation, found.tables, found.tag) == ("UTILITY", (), tag)


def test_postgresqls_own_parser_reads_the_same() -> None:
    pytest.importorskip("pgparse")
    from tests.unit.sql.parsed import operation_and_tables

    different = [
        (sql, (found.operation, found.tables), expected)
        for sql in queries()
        if ((found := shape_of(sql)).operation, found.tables) != (expected := operation_and_tables(sql))
    ]

    assert not different


@given(texts)
def test_any_text_has_a_shape(sql: str) -> None:
    found = shape_of(sql)

    assert found.operation in OPERATIONS
    assert len(set(found.tables)) == len(found.tables)
    assert not any(set(name) & set(" '=@:\n") for name in found.tables)
