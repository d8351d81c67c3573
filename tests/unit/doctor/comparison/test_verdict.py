"""What of the differences is a loss, and how it is told."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from exporter.doctor.comparison.catalogue import Why
from exporter.doctor.comparison.page import read
from exporter.doctor.comparison.report import as_json, lines
from exporter.doctor.comparison.verdict import Verdict, judge

URL = "http://localhost:9187/metrics"


def why(metric: str) -> Why:
    return Why("it is old", "today") if metric == "old" else Why("it is off")


def of(theirs: str, ours: str) -> Verdict:
    return judge(read(theirs), read(ours), why)


def text(theirs: str, ours: str, *, verbose: bool = False) -> str:
    return "\n".join(lines(URL, of(theirs, ours), verbose=verbose))


def test_what_an_exporter_says_of_itself_is_counted_only() -> None:
    own = "go_goroutines 9\npromhttp_x 1\npg_exporter_scrapes_total 3\nredis_exporter_build_info 1\n"
    verdict = of(f"{own}pg_up 1\n", "pg_up 1\nexporter_x 1\nprocess_y 2\n")

    assert verdict.complete
    assert len(verdict.own) == 4
    assert verdict.extra == []
    assert "not compared: 4 metrics about the other exporter itself" in text(f"{own}pg_up 1\n", "pg_up 1\n")


def test_the_label_server_is_no_loss_and_another_one_is() -> None:
    server = of('pg_up{server="h:5432"} 1\n', "pg_up 1\n")
    other = of('pg_up{cluster="c"} 1\n', "pg_up 1\n")
    foreign = of('redis_up{server="h"} 1\n', "redis_up 1\n")

    assert server.complete
    assert [(left.what, left.metrics) for left in server.left_out] == [("server", ["pg_up"])]
    assert not other.complete
    assert not foreign.complete


def test_series_that_are_left_out_on_purpose_are_no_loss() -> None:
    name = "pg_stat_database_blks_hit"
    there, own = f'{name}{{datid="0"}} 1\n{name}{{datid="5"}} 1\n', f'{name}{{datid="5"}} 1\n'
    verdict = of(there, own)
    missing_too = of(f'{there}{name}{{datid="7"}} 1\n', own)

    assert verdict.complete
    assert [(left.what, left.series) for left in verdict.left_out] == [('datid="0"', 1)]
    assert [(lost.series, lost.of) for lost in missing_too.series] == [(1, 3)]


def test_another_type_or_value_or_more_labels_are_no_loss() -> None:
    verdict = of('# TYPE a gauge\na 1\nb{x="1"} 1\nb{x="2"} 1\n', 'a 1\nb{x="1",y="2"} 1\nb{x="2",y="2"} 1\n')

    assert verdict.complete
    assert [other.name for other in verdict.types] == ["a"]
    assert [other.name for other in verdict.more_labels] == ["b"]


def test_the_report_groups_missing_metrics_by_reason() -> None:
    shown = text("a 1\nold 1\nb 2\n", "c 1\n")

    assert "missing metrics\n  it is off\n    a  untyped, 1 series\n    b  untyped, 1 series\n" in shown
    assert "  it is old\n    old  untyped, 1 series; today today\n" in shown
    assert "more here: 1 metric, listed by --verbose" in shown
    assert shown.endswith("missing: 3 metrics")


def test_long_lists_are_cut_unless_all_is_asked_for() -> None:
    theirs = "".join(f"m{n} 1\n" for n in range(20))

    assert "and 12 more, listed by --verbose" in text(theirs, "x 1\n")
    assert "m19 " not in text(theirs, "x 1\n")
    assert "m19 " in text(theirs, "x 1\n", verbose=True)
    assert "\n  x\n" in text(theirs, "x 1\n", verbose=True)


def test_metrics_that_lack_the_same_series_share_their_lines() -> None:
    theirs = "".join(f'{m}{{d="{d}"}} 1\n' for m in "ab" for d in "wxyz0")
    shown = text(theirs, 'a{d="z"} 1\na{d="0"} 1\nb{d="z"} 1\nb{d="0"} 1\n')

    assert '  3 of 5: a, b\n    {d="w"}\n    {d="x"}\n    {d="y"}\n' in shown
    assert shown.endswith("missing: 6 series of other metrics")


def test_nothing_is_missing() -> None:
    assert text("a 1\n", "a 1\n").endswith("nothing is missing")


def test_nothing_acts_on_the_terminal() -> None:
    assert "\x1b" not in text('a{x="\x1b[2J"} 1\na{x="2"} 1\n', 'a{x="2"} 1\n')


def test_json_has_the_same() -> None:
    theirs = 'a 1\nold 2\nb{x="1"} 1\nb{x="2"} 1\nc{s="1"} 3\n# TYPE d gauge\nd 1\n?\n'
    document = json.loads(as_json(URL, of(theirs, 'b{x="1"} 1\nc 3\nd 100\ne 1\n')))

    assert document["ok"] is False
    assert document["theirs"] == {"url": URL, "metrics": 5, "series": 6, "invalid_lines": 1}
    assert document["metrics"][1] == {
        "name": "old", "kind": "untyped", "series": 1, "why": "it is old", "today": "today",
    }  # fmt: skip
    assert document["series"] == [{"name": "b", "series": 1, "of": 2, "examples": [{"x": "2"}]}]
    assert document["labels"] == [{"label": "s", "metrics": ["c"]}]
    assert document["types"] == [{"name": "d", "theirs": "gauge", "ours": "untyped"}]
    assert document["values"] == [{"name": "d", "labels": {}, "theirs": "1", "ours": "100"}]
    assert document["extra"] == ["e"]


@given(st.text(), st.text())
def test_any_two_pages_have_a_report(theirs: str, ours: str) -> None:
    verdict = of(theirs, ours)

    assert list(lines(URL, verdict, verbose=True))
    assert json.loads(as_json(URL, verdict))["ok"] is verdict.complete
