"""The text encoder: what it writes is what a parser reads back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.expose.text import PAGES_KEPT, PART_BYTES, TextEncoder
from exporter.model.metric import Kind, Metric, counter, gauge
from exporter.model.table import Column, Table, by_row, info, single

SEQ = counter("pg_seq_scan_total", "Sequential scans.")
SIZE = gauge("pg_size_bytes", "Size.")

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.one_of(st.integers(), st.floats(allow_nan=False), st.none())


def page(*tables: Table, encoder: TextEncoder | None = None) -> str:
    return b"".join((encoder or TextEncoder()).encode(tables)).decode()


def lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line and not line.startswith("#")]


@given(st.dictionaries(st.tuples(names, names), values, max_size=8))
def test_any_label_and_any_number_is_read_back(rows: dict[tuple[str, str], float | None]) -> None:
    table = by_row(("a", "b"), (SIZE,), [(labels, (value,)) for labels, value in rows.items()])
    families = list(text_string_to_metric_families(page(table)))

    read = {(s.labels["a"], s.labels["b"]): float(s.value) for family in families for s in family.samples}
    assert read == {labels: float(v) for labels, v in rows.items() if v is not None}


def test_help_and_type_come_once_and_first_whatever_number_of_tables() -> None:
    one = Table(("db",), [("a",)], [Column(SEQ, ("1",))])
    two = Table(("db",), [("b",)], [Column(SEQ, ("2",)), Column(SIZE, ("3",))])

    assert page(one, two) == (
        "# HELP pg_seq_scan_total Sequential scans.\n# TYPE pg_seq_scan_total counter\n"
        'pg_seq_scan_total{db="a"} 1\npg_seq_scan_total{db="b"} 2\n'
        '# HELP pg_size_bytes Size.\n# TYPE pg_size_bytes gauge\npg_size_bytes{db="b"} 3\n'
    )


def test_unknown_is_absent_and_a_metric_without_samples_has_no_header() -> None:
    table = Table(("db",), [("a",), ("b",)], [Column(SEQ, (None, None)), Column(SIZE, (None, 0))])

    assert lines(page(table)) == ['pg_size_bytes{db="b"} 0']
    assert "pg_seq_scan_total" not in page(table)


def test_help_is_escaped() -> None:
    assert "# HELP x a\\\\b\\nc\n" in page(single({gauge("x", "a\\b\nc"): 1}))


def test_repeated_rows_become_one_series_counters_add_up_the_last_gauge_stays() -> None:
    encoder = TextEncoder()
    table = Table(
        ("db",), [("a",), ("b",), ("a",)], [Column(SEQ, ("1", "2", "3")), Column(SIZE, (10, 20, 30))]
    )

    assert lines(page(table, encoder=encoder)) == [
        'pg_seq_scan_total{db="a"} 4',
        'pg_seq_scan_total{db="b"} 2',
        'pg_size_bytes{db="a"} 30',
        'pg_size_bytes{db="b"} 20',
    ]
    assert encoder.duplicates == 1


def test_a_row_that_an_earlier_table_has_is_left_out_and_counted() -> None:
    encoder = TextEncoder()
    one = Table(("db", "rel"), [("a", "t"), ("a", "u")], [Column(SEQ, (1, None))])
    same_in_other_order = Table(("rel", "db"), [("t", "a"), ("u", "a"), ("v", "a")], [Column(SEQ, (7, 8, 9))])

    assert lines(page(one, same_in_other_order, encoder=encoder)) == [
        'pg_seq_scan_total{db="a",rel="t"} 1',
        'pg_seq_scan_total{rel="u",db="a"} 8',
        'pg_seq_scan_total{rel="v",db="a"} 9',
    ]
    assert encoder.duplicates == 1


def test_constant_labels_come_first_and_tell_tables_apart() -> None:
    tables = [
        Table(("rel",), [("t",)], [Column(SEQ, (1,))], (("server", server),)) for server in ("one", "two")
    ]
    encoder = TextEncoder()

    assert lines(page(*tables, encoder=encoder)) == [
        'pg_seq_scan_total{server="one",rel="t"} 1',
        'pg_seq_scan_total{server="two",rel="t"} 1',
    ]
    assert encoder.duplicates == 0


def test_histogram_parts_stay_together() -> None:
    metric = Metric("latency", Kind.HISTOGRAM, "Latency.")
    buckets = Table(("cmd", "le"), [("get", "1"), ("get", "+Inf")], [Column(metric, (1, 2), "_bucket")])
    totals = Table(("cmd",), [("get",)], [Column(metric, (3.5,), "_sum"), Column(metric, (2,), "_count")])

    family = next(iter(text_string_to_metric_families(page(buckets, totals))))
    assert family.type == "histogram"
    assert [(s.name, s.value) for s in family.samples] == [
        ("latency_bucket", 1.0),
        ("latency_bucket", 2.0),
        ("latency_sum", 3.5),
        ("latency_count", 2.0),
    ]


def test_numbers_as_text_and_numbers_may_share_a_column() -> None:
    table = Table(("db",), [("a",), ("b",), ("c",)], [Column(SIZE, ("1.5", 2, 3.25))])

    assert [line.rsplit(" ")[1] for line in lines(page(table))] == ["1.5", "2", "3.25"]


def test_labels_of_rows_that_are_gone_are_forgotten() -> None:
    encoder = TextEncoder()
    page(Table(("rel",), [(f"t{n}",) for n in range(1000)], [Column(SEQ, range(1000))]), encoder=encoder)
    page(Table(("rel",), [("t1",)], [Column(SEQ, (1,))]), encoder=encoder)
    assert sum(len(kept.parts) for kept in encoder._kept.values()) == 1

    for _ in range(PAGES_KEPT + 1):
        page(single({SIZE: 1}), encoder=encoder)
    assert ("rel",) not in {labels for labels, _ in encoder._kept}


def test_a_large_page_comes_in_parts_and_loses_nothing() -> None:
    metrics = [gauge(f"m{n}", "A metric.") for n in range(20)]
    table = Table(
        ("rel",),
        [(f"table_{n}",) for n in range(2000)],
        [Column(metric, [str(n) for n in range(2000)]) for metric in metrics],
    )
    parts = TextEncoder().encode([table])

    assert len(parts) > 3
    assert all(len(part) < 3 * PART_BYTES for part in parts)
    assert len(lines(b"".join(parts).decode())) == 40_000


def test_info_is_one_with_its_labels() -> None:
    assert lines(page(info(gauge("build_info", "Build."), {"version": '1"2'}))) == [
        'build_info{version="1\\"2"} 1'
    ]


def test_a_repeat_is_found_however_its_labels_came_and_other_targets_are_none() -> None:
    def of(value: str, constant: tuple[tuple[str, str], ...], *labels: tuple[str, str]) -> Table:
        table = by_row(tuple(n for n, _ in labels), (SIZE,), [(tuple(v for _, v in labels), (value,))])
        return table._replace(constant=constant)

    a, b, db, env = ("target", "a"), ("target", "b"), ("db", "x"), ("env", "e")
    encoder = TextEncoder()
    text = page(
        of("1", (a, env), db),
        of("2", (b, env), db),
        of("3", (a, env), db),
        of("4", (env, a), db),
        of("5", (env,), db, a),
        of("6", (b,), env, db),
        of("7", (("target", "c"), env), db),
        of("8", (a,), db),
        encoder=encoder,
    )

    assert [line.rpartition(" ")[2] for line in lines(text)] == ["1", "2", "7", "8"]
    assert encoder.duplicates == 4


def test_a_table_that_is_shown_again_has_the_same_lines_whatever_else_the_page_has() -> None:
    metric, other = gauge("a", "A."), gauge("b", "B.")
    kept = Table((), [()], [Column(metric, (1,)), Column(other, (2,))])
    encoder = TextEncoder()

    def page(*tables: Table) -> str:
        return b"".join(encoder.encode(tables)).decode()

    alone = "# HELP a A.\n# TYPE a gauge\na 1\n# HELP b B.\n# TYPE b gauge\nb 2\n"
    assert page(kept) == page(kept) == alone
    assert page(kept, Table(("l",), [("x",)], [Column(metric, (3,))])) == alone.replace(
        "a 1\n", 'a 1\na{l="x"} 3\n'
    )
    assert page(kept) == alone
    assert page(kept._replace(columns=[Column(metric, (5,))])) == "# HELP a A.\n# TYPE a gauge\na 5\n"
    assert page() == ""
