"""With which search paths a statement is tried, and in which order."""

from __future__ import annotations

import pytest

from exporter.sources.postgres.plan_paths import path_of, paths, unqualified


def test_settings_go_first_then_ours_then_the_default() -> None:
    found = paths(["shop, public", '"$user", shop'], "monitoring, public", "Anna B")

    assert found == ["shop, public", '"Anna B", shop', "monitoring, public", '"Anna B", public']


def test_each_path_is_tried_once_and_an_unknown_role_has_no_schema() -> None:
    assert paths(['"$user", public', "public", "  "], '"$user", public', "") == ["public"]
    assert paths([], "$user,public", "") == ["public"]


def test_names_with_commas_and_quotes_stay_whole() -> None:
    assert paths(['"a,b", "c""d", "$user"'], "", "x")[0] == '"a,b", "c""d", x'


def test_of_many_settings_the_first_ones_are_tried() -> None:
    assert paths([f"s{n}" for n in range(9)], "", "") == ["s0", "s1", "s2", "s3", "public"]


@pytest.mark.parametrize(
    ("table", "found"),
    [("orders", ["orders"]), ("shop.orders", []), ('"Odd.Name"', ["Odd.Name"]), ('"a""b"', ['a"b'])],
)
def test_only_names_without_a_schema_are_looked_up(table: str, found: list[str]) -> None:
    assert unqualified([table]) == found


def test_the_schemas_of_tables_come_before_those_of_extensions() -> None:
    assert path_of(["shop", "Odd", "shop"], ["public", "tools"]) == 'shop, "Odd", public, tools'
