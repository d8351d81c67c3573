"""Files of queries: what is read, what is said about mistakes, and that one bad query costs itself alone."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.collectors import discover
from exporter.collectors.user_queries import Loaded, load, ours
from exporter.collectors.user_queries.upstream import COLUMN_KEYS, KEYS, USAGES
from exporter.model.collector import CollectorSpec
from exporter.model.metric import Kind, Metric, counter, gauge
from tests.docs.generated import ROOT
from tests.docs.prose import blocks

EXAMPLES = ROOT / "docs" / "examples"


def loaded(folder: Path, text: str | bytes, *taken: Metric, every_database: bool = False) -> Loaded:
    file = folder / "queries.yml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load([str(file)], taken, every_database=every_database)


def specs(found: Loaded) -> dict[str, CollectorSpec]:
    return {named.name.removeprefix("query:"): named.spec for named in found.collectors}


def said(found: Loaded) -> list[str]:
    """The findings as `line: text`."""
    return [f"{finding.line}: {finding.text}" for finding in found.findings]


@pytest.mark.parametrize("name", ["queries.yml", "queries_postgres_exporter.yml"])
def test_the_examples_are_without_findings(name: str) -> None:
    builtin = [metric for named in discover().values() for metric in named.spec.metrics]
    found = load([str(EXAMPLES / name)], builtin)

    assert said(found) == []
    assert len(found.collectors) > 3


def test_the_blocks_of_the_documentation_are_without_findings(tmp_path: Path) -> None:
    found = [loaded(tmp_path, block.text) for block in blocks(ROOT / "docs" / "user-queries.md", "yml")]

    assert [said(one) for one in found] == [[], []]
    assert all(one.collectors for one in found)


def test_the_documentation_has_each_key() -> None:
    text = (ROOT / "docs" / "user-queries.md").read_text()
    upstreams = set(KEYS) - {"master", "cache_seconds", "runonserver"}

    assert [
        key for key in {*ours.KEYS, *upstreams} if not re.search(rf"^\| .*`{key}`", text, re.MULTILINE)
    ] == []


def test_the_least_that_a_query_needs(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, "queries: {orders: {query: SELECT 1 AS shop_orders, metrics: {shop_orders: Orders.}}}"
    )

    assert said(found) == []
    (named,) = found.collectors
    assert (named.name, named.family, named.spec.source) == ("query:orders", "postgres", "postgres")
    assert named.spec.metrics == (gauge("shop_orders", "Orders."),)
    assert named.spec.every_seconds is None
    assert named.spec.explain(15) == "SELECT 1 AS shop_orders"


OURS = """
queries:
  q:
    help: What it collects.
    query:
      13: SELECT 13
      16: SELECT 16
      18:
    labels: [state, kind]
    databases: [shop]
    every_seconds: 60
    series_limit: 500
    metrics:
      shop_orders_total: Orders.
      shop_age:
        column: age
        kind: untyped
        help: |
          Age of
          something.
"""


def test_all_keys_of_our_dialect(tmp_path: Path) -> None:
    found = loaded(tmp_path, OURS)
    spec = specs(found)["q"]

    assert said(found) == []
    labels = ("datname", "state", "kind")
    assert spec.metrics == (
        counter("shop_orders_total", "Orders.", labels),
        Metric("shop_age", Kind.UNTYPED, "Age of something.", labels),
    )
    assert (spec.help, spec.every_seconds, spec.series_limit) == ("What it collects.", 60, 500)
    assert [spec.explain(major) for major in (13, 15, 16, 17, 18)] == ["SELECT 13"] * 2 + [
        "SELECT 16"
    ] * 2 + [""]


def test_a_label_datname_of_ones_own_is_not_doubled(tmp_path: Path) -> None:
    text = "queries: {q: {query: SELECT 1, databases: all, labels: datname, metrics: {m: Help.}}}"
    (metric,) = specs(loaded(tmp_path, text))["q"].metrics

    assert metric.labels == ("datname",)


UPSTREAM = """
pg_stat:
  query: "SELECT 1"
  master: true
  cache_seconds: 30
  runonserver: ">=13.0.0"
  metrics:
    - datname: {usage: LABEL, description: Database}
    - calls: {usage: "COUNTER", description: "Calls"}
    - size:
        usage: "GAUGE"
    - state: {usage: MAPPEDMETRIC, description: State, metric_mapping: {"off": 0, "on": 1}}
    - lag: {usage: DURATION, description: Lag}
    - seconds: {usage: HISTOGRAM, description: Seconds}
    - internal: {usage: DISCARD, description: Internal}
"""


def test_all_usages_of_upstreams_dialect(tmp_path: Path) -> None:
    found = loaded(tmp_path, UPSTREAM)
    spec = specs(found)["pg_stat"]

    assert said(found) == []
    assert spec.every_seconds == 30
    assert [(m.name, m.kind.value, m.help) for m in spec.metrics] == [
        ("pg_stat_calls", "counter", "Calls"),
        ("pg_stat_size", "gauge", "Column size of the query pg_stat."),
        ("pg_stat_state", "gauge", "State"),
        ("pg_stat_lag_milliseconds", "gauge", "Lag"),
        ("pg_stat_seconds", "histogram", "Seconds"),
        ("pg_stat_<column>", "untyped", "Columns of the query pg_stat that it does not declare."),
    ]
    assert {metric.labels for metric in spec.metrics} == {("datname",)}


def test_a_namespace_called_queries_is_upstreams(tmp_path: Path) -> None:
    found = loaded(tmp_path, "queries: {query: SELECT 1, metrics: [{a: {usage: GAUGE}}]}")

    assert [m.name for m in specs(found)["queries"].metrics] == ["queries_a", "queries_<column>"]


BAD = (
    ("x: {queries: 1", "1: no YAML"),
    ("queries:\n  a: [1, 2\n  b: 3", "3: no YAML"),
    ("a: 1\n---\nb: 2\n", "2: no YAML"),
    ("- a\n", "1: the file: expected keys"),
    ("just text", "1: the file: expected keys"),
    (b"queries:\n  \xff: 1\n", "2: is not UTF-8 text"),
    ("queries:\n  a: 5\n", "2: a: expected keys with values below the name"),
    ("queries:\n  a-b: {query: SELECT 1, metrics: {m: H}}", "2: a-b: expected a name"),
    ("queries: {a: {metrics: {m: H}}}", "1: a.query: is missing"),
    ("queries: {a: {query: DROP TABLE x, metrics: {m: H}}}", "1: a.query: expected a statement that reads"),
    ("queries: {a: {query: SELECT 1; SELECT 2, metrics: {m: H}}}", "1: a.query: expected one statement"),
    ('queries: {a: {query: "SELECT \\0", metrics: {m: H}}}', "1: a.query: expected text without NUL"),
    ('queries: {a: {query: "SELECT \\ud800", metrics: {m: H}}}', "1: a.query: expected text without NUL"),
    ("queries: {a: {query: {13: SELECT 1, new: SELECT 2}, metrics: {m: H}}}", "1: a.query: expected a major"),
    ("queries: {a: {query: {}, metrics: {m: H}}}", "1: a.query: expected SQL behind each major"),
    ("queries:\n  a: {query: SELECT 1}", "2: a.metrics: expected at least one metric"),
    ("queries: {a: {query: SELECT 1, metrics: [m]}}", "1: a.metrics: expected keys"),
    ("queries: {a: {query: SELECT 1, metrics: {m-1: H}}}", "1: a.metrics.m-1: expected a metric's name"),
    ("queries: {a: {query: SELECT 1, metrics: {m: {kind: guage}}}}", "did you mean gauge?"),
    ("queries: {a: {query: SELECT 1, metrics: {m: {colunm: c}}}}", "did you mean column?"),
    ("queries: {a: {query: SELECT 1, lables: [c], metrics: {m: H}}}", "did you mean labels?"),
    ("queries: {a: {query: SELECT 1, labels: [_c], metrics: {m: H}}}", "1: a.labels: expected a letter"),
    (
        "queries: {a: {query: SELECT 1, labels: [c, c], metrics: {m: H}}}",
        "1: a.labels: expected each column once",
    ),
    ("queries: {a: {query: SELECT 1, labels: [[c]], metrics: {m: H}}}", "1: a.labels: expected a text"),
    ("queries: {a: {query: SELECT 1, databases: ['('], metrics: {m: H}}}", "1: a.databases: expected all"),
    (
        "queries: {a: {query: SELECT 1, role: master, metrics: {m: H}}}",
        "1: a.role: expected primary, standby",
    ),
    ("queries: {a: {query: SELECT 1, every_seconds: 0.5, metrics: {m: H}}}", "expected a number from 1 to"),
    (
        "queries: {a: {query: SELECT 1, timeout_seconds: 1s, metrics: {m: H}}}",
        "expected a number from 0.01 to",
    ),
    (
        "queries: {a: {query: SELECT 1, min_version: 9.6, metrics: {m: H}}}",
        "1: a.min_version: expected a major",
    ),
    ("queries: {a: {query: SELECT 1, metrics: {exporter_m: H}}}", "begins like the exporter's own"),
    ("queries: {a: {query: SELECT 1, metrics: {h: {kind: histogram}}, labels: le}}", "le is the label of"),
    ("ns: {metrics: []}", "1: ns.query: is missing"),
    ("ns: {query: SELECT 1, metrics: {a: {usage: GAUGE}}}", "1: ns.metrics: expected a list"),
    ("n-s: {query: SELECT 1}", "1: n-s: expected a namespace"),
    ("ns: {query: SELECT 1, master: maybe}", "1: ns.master: expected true or false"),
    ("ns: {query: SELECT 1, cache_seconds: 1m}", "1: ns.cache_seconds: expected a number"),
    ("ns: {query: SELECT 1, runonserver: '^13'}", "1: ns.runonserver: expected a range"),
    ("ns: {query: SELECT 1, metrics: [{a b: {usage: GAUGE}}]}", "1: ns.metrics.a b: expected letters"),
    ("ns: {query: SELECT 1, metrics: [{a-b: {usage: LABEL}}]}", "1: ns.metrics.a-b: expected a label's name"),
    (
        "ns: {query: SELECT 1, metrics: [{a: {usage: MAPPEDMETRIC, metric_mapping: {x: y}}}]}",
        "expected a number",
    ),
    ("<<: {a: 1}\n", "1: the file: expected a name"),
)


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_a_bad_query_is_off_and_its_line_is_named(tmp_path: Path, text: str | bytes, expected: str) -> None:
    found = loaded(tmp_path, text)

    assert any(expected in line for line in said(found)), said(found)
    assert found.collectors == ()
    assert all("\n" not in line for line in said(found))


def test_what_upstream_ignores_is_left_out_and_said(tmp_path: Path) -> None:
    text = """
ns:
  query: SELECT 1
  cache_second: 30
  metrics:
    - a: {usage: gauge, description: A}
    - b: {usage: GAUGE, description: B, unit: s}
    - c: {usage: GAUGE, description: C}
    - c: {usage: COUNTER, description: C}
ns2: {query: SELECT 1}
ns2: {query: SELECT 2}
"""
    found = loaded(tmp_path, text)

    assert said(found) == [
        "11: the file: ns2 stands twice, and only this one counts: remove one",
        "4: ns: cache_second is not known and has no effect; did you mean cache_seconds?",
        f"6: ns.metrics.a: expected usage: {', '.join(USAGES)}; did you mean GAUGE? The column is left out",
        "7: ns.metrics.b: unit is not known and has no effect; expected usage, description, metric_mapping",
    ]
    assert [(m.name, m.kind.value) for m in specs(found)["ns"].metrics][:2] == [
        ("ns_b", "gauge"),
        ("ns_c", "counter"),
    ]
    assert specs(found)["ns2"].explain(15) == "SELECT 2"


def test_one_bad_query_of_three_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(
        "queries:\n  a: {query: SELECT 1, metrics: {a: A}}\n  b: {query: SELECT, metrics: {}}\n"
        "  c: {query: SELECT 1, metrics: {c: C}}\n"
    )
    found = load([str(tmp_path / "a.yml"), str(tmp_path / "b.yml")])

    assert list(specs(found)) == ["a", "c"]
    assert [(finding.file, finding.line) for finding in found.findings] == [
        (str(tmp_path / "a.yml"), 3),
        (str(tmp_path / "b.yml"), 0),
    ]
    assert str(found.findings[0]).startswith(f"{tmp_path}/a.yml line 3: b.metrics: expected")
    assert [file.hashsum for file in found.files] == [
        sha256((tmp_path / "a.yml").read_bytes()).hexdigest(),
        "",
    ]


def test_two_files_with_a_query_of_one_name(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(f"queries: {{q: {{query: SELECT 1, metrics: {{m_{name}: M}}}}}}")
    found = load([str(tmp_path / name) for name in "aba"])

    assert [m.name for m in specs(found)["q"].metrics] == ["m_a"]
    assert said(found) == [f"1: q: {tmp_path}/a line 1 has a query of that name: rename one"]


TAKEN = (
    gauge("pg_lag", "Lag.", ("slot",)),
    Metric("pg_settings_<name>", Kind.GAUGE, "A setting."),
    Metric("pg_age", Kind.HISTOGRAM, "Ages."),
)
COLLISIONS: tuple[tuple[str, list[str], bool], ...] = (
    ("pg_lag: {kind: gauge}", ["slot"], True),
    ("pg_lag: {kind: counter}", ["slot"], False),
    ("pg_lag: {kind: gauge}", [], False),
    ("pg_lag: {kind: gauge}", ["slot", "more"], False),
    ("pg_settings_port: {kind: gauge}", [], True),
    ("pg_settings_port: {kind: counter}", [], False),
    ("pg_age_count: {kind: counter}", [], False),
    ("pg_age_seconds: {kind: counter}", [], True),
)


@pytest.mark.parametrize(("metric", "labels", "taken"), COLLISIONS)
def test_a_built_in_name_is_had_with_its_type_and_labels_alone(
    tmp_path: Path, metric: str, labels: list[str], *, taken: bool
) -> None:
    text = f"queries:\n  q: {{query: SELECT 1, labels: {labels}, metrics: {{other: O, {metric}}}}}\n"
    found = loaded(tmp_path, text, *TAKEN)
    names = [m.name for m in specs(found)["q"].metrics]

    assert (metric.partition(":")[0] in names) is taken
    assert names[0] == "other"
    if not taken:
        (line,) = said(found)
        assert "is a built-in metric" in line
        assert "rename it" in line


def test_two_queries_may_share_a_metric_of_one_shape(tmp_path: Path) -> None:
    text = """
queries:
  new: {query: SELECT 1, min_version: 17, metrics: {pg_x: X.}}
  old: {query: SELECT 1, max_version: 16, metrics: {pg_x: X.}}
  other: {query: SELECT 1, labels: [a], metrics: {pg_x: X., pg_y: Y.}}
"""
    found = loaded(tmp_path, text)

    assert [[m.name for m in spec.metrics] for spec in specs(found).values()] == [
        ["pg_x"],
        ["pg_x"],
        ["pg_y"],
    ]
    assert "pg_x is another query's metric" in said(found)[0]


def test_a_file_that_changes(tmp_path: Path) -> None:
    found = loaded(tmp_path, "queries: {}")
    assert not found.changed()

    (tmp_path / "queries.yml").write_text("queries: {a: 1}")
    assert found.changed()
    (tmp_path / "queries.yml").unlink()
    assert found.changed()
    assert not load([str(tmp_path / "queries.yml")]).changed()


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    found = loaded(tmp_path, b"# " * 600_000)

    assert "is larger than" in said(found)[0]


WORDS = st.sampled_from(("queries", *ours.KEYS, *ours.METRIC_KEYS, *KEYS, *COLUMN_KEYS, "pg_x", "<<", "le"))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(("SELECT 1", "GAUGE", "LABEL", "HISTOGRAM", "all", "primary", ">=13.0.0", "histogram")),
)
TREES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(WORDS, below, max_size=4),
    max_leaves=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES)
def test_no_tree_raises(tmp_path: Path, tree: object) -> None:
    import yaml

    found = loaded(tmp_path, yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"))
    for named in found.collectors:
        assert named.spec.metrics
    assert all("\n" not in str(finding) for finding in found.findings)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=200), st.text("quer ies:\n-{}[]&*!|>'\"#%@,", max_size=200).map(str.encode)
    )
)
def test_no_content_raises(tmp_path: Path, content: bytes) -> None:
    loaded(tmp_path, content)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "&a [*a]",
        "queries: &a {q: *a}",
        "a: &a {query: *a, metrics: [*a]}",
    ],
)
def test_yaml_that_is_meant_badly(tmp_path: Path, text: str) -> None:
    assert said(loaded(tmp_path, text)) != []
