"""A report as a page: whole without anything known, and whatever a server names is only text."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from exporter.analysis.document import report_document
from exporter.analysis.report import ServerSummary
from exporter.cli._report_html import html_report
from exporter.sources.postgres.plans import Explained, PlanOutcome
from tests.unit.cli.reports import RAW, hostile, report, statement

ATTACK = """</pre></style><script>alert(1)</script><img src=x onerror="alert(1)">'"&{{ 7 * 7 }}{% endfor %}"""
PLAN = {"Node Type": "Seq Scan", "Relation Name": "items", "Filter": "(items.note = 'topsecret'::text)"}


class Page(HTMLParser):
    """What a browser would make of it.

    Attributes:
        tags: all that are opened.
        attributes: their names and values.
        shown: the text.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.shown = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.shown += data


def test_what_a_server_names_is_only_text() -> None:
    page = Page(html_report(hostile(ATTACK)))

    assert not {"script", "img"} & set(page.tags)
    assert [name for name, _ in page.attributes if name.startswith("on")] == []
    assert page.shown.count(ATTACK) > 15


def test_nothing_in_it_turns_the_text_around() -> None:
    text = html_report(hostile("a\u202eb\x1b[31m\x00c"))

    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert text.count("a\ufffdb\ufffd[31m\ufffdc") > 15


def test_nothing_of_it_comes_from_elsewhere() -> None:
    page = Page(html_report(report()))

    links = {value for name, value in page.attributes if name in ("src", "href", "action")}
    assert links == {"#gaps"}
    assert "script" not in page.tags
    assert "@import" not in html_report(report())


def test_a_server_of_which_nothing_is_known() -> None:
    text = html_report(report(server=ServerSummary(), statements=[], relations={}, findings=[], gaps=[]))

    assert "Nothing was found." in text
    assert "None" not in text


def test_it_says_what_the_text_says() -> None:
    shown = Page(html_report(report())).shown

    for wanted in ("Missing index on shop.items (order_id)", "1.5 MB", "46.6 ms", "48.5 %", "97.1 %", "1,23"):
        assert wanted in shown
    assert "SELECT * FROM shop.items WHERE order_id = $1" in shown


def test_a_document_is_json_and_shows_no_text_as_it_is() -> None:
    known = report(plans={statement().key: Explained(PlanOutcome.OK, PLAN)})

    text = json.dumps(report_document(known, detailed=True))

    document = json.loads(text)
    assert "topsecret" not in text
    assert RAW not in text
    assert document["plans"][0]["plan"]["Filter"] == "(items.note = ?::text)"
    assert document["statements"][0]["mean_seconds"] == 0.0466
    assert document["gaps"] == [
        {"what": "N+1 patterns", "why": "Nobody watched", "remedy": "datastack-exporter analyze --observe 60"}
    ]
    assert "plans" not in report_document(known)
    json.loads(json.dumps(report_document(hostile(ATTACK + "\x00\x1b\ud800"), detailed=True)))
