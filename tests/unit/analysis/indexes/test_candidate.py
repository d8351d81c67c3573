"""CREATE INDEX statements: names, quotes, partitions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.analysis.indexes.candidate import Candidate, Key, create_statements, name_of
from tests.unit.analysis.indexes.making import index, relations, table

NAMES = st.text(
    st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=70
)


def test_names_are_quoted_where_that_is_needed() -> None:
    odd = table(1, "Order", schema="s p")
    wanted = Candidate(
        table=1, keys=(Key("select"), Key("plain", descending=True, nulls_first=True)), equal=1
    )

    assert list(create_statements(wanted, odd, relations([odd]))) == [
        'CREATE INDEX CONCURRENTLY "Order_select_plain_desc_idx" ON "s p"."Order" ("select", plain DESC);'
    ]


def test_all_that_an_index_can_have() -> None:
    keys = (Key(None, "lower(a)"), Key("b", nulls_first=True))
    wanted = Candidate(table=1, keys=keys, include=("C",), predicate="NOT done")

    assert wanted.body == '((lower(a)), b NULLS FIRST) INCLUDE ("C") WHERE NOT done'
    gin = Candidate(table=1, keys=(Key("a", opclass="jsonb_path_ops"),), method="gin")
    assert gin.body == "USING gin (a jsonb_path_ops)"


@given(NAMES, st.lists(NAMES, min_size=1, max_size=3, unique=True))
def test_a_name_is_short_enough_and_free(name: str, columns: list[str]) -> None:
    wanted = Candidate(table=1, keys=tuple(map(Key, columns)))
    taken: frozenset[str] = frozenset()
    for _ in range(4):
        found = name_of(wanted, table(1, name), taken)
        assert found not in taken
        assert len(found.encode()) <= 63
        taken |= {found}


def test_long_names_that_begin_alike_stay_apart() -> None:
    long = table(1, "t" * 60)
    one, two = (Candidate(table=1, keys=(Key("a"), Key(last))) for last in "bc")

    assert name_of(one, long, frozenset()) != name_of(two, long, frozenset())


def test_two_predicates_make_two_names() -> None:
    one, two = (Candidate(table=1, keys=(Key("id"),), predicate=p) for p in ("NOT done", "at IS NULL"))

    assert name_of(one, table(), frozenset()) == "orders_id_where_not_done_idx"
    assert name_of(two, table(), frozenset()) == "orders_id_where_at_is_null_idx"


def test_a_name_that_is_taken_is_not_used() -> None:
    known = relations([table()], index("orders_a_idx", "b"))

    (sql,) = create_statements(Candidate(table=1, keys=(Key("a"),)), table(), known)

    assert "orders_a_idx" not in sql


def test_a_partitioned_table_is_indexed_part_by_part() -> None:
    whole, sub = table(1, "e", kind="p"), table(3, "e_b", kind="p", parent=1)
    known = relations([whole, table(2, "e_a", parent=1), sub, table(4, "e_b_1", parent=3), table(5, "other")])

    assert list(create_statements(Candidate(table=1, keys=(Key("x"),)), whole, known)) == [
        "CREATE INDEX e_x_idx ON ONLY shop.e (x);",
        "CREATE INDEX CONCURRENTLY e_a_x_idx ON shop.e_a (x);",
        "ALTER INDEX shop.e_x_idx ATTACH PARTITION shop.e_a_x_idx;",
        "CREATE INDEX e_b_x_idx ON ONLY shop.e_b (x);",
        "CREATE INDEX CONCURRENTLY e_b_1_x_idx ON shop.e_b_1 (x);",
        "ALTER INDEX shop.e_b_x_idx ATTACH PARTITION shop.e_b_1_x_idx;",
        "ALTER INDEX shop.e_x_idx ATTACH PARTITION shop.e_b_x_idx;",
    ]


def test_of_many_partitions_the_first_are_written_out() -> None:
    whole = table(1, "e", kind="p")
    parts = [table(oid, f"e_{oid}", parent=1) for oid in range(2, 102)]

    found = list(create_statements(Candidate(table=1, keys=(Key("x"),)), whole, relations([whole, *parts])))

    assert len(found) == 1 + 2 * 24 + 1
    assert found[-1] == "-- and the same for all other partitions of shop.e"
