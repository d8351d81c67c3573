"""Figures that a page has from elsewhere are those that stand there."""

from __future__ import annotations

import re

from tests.docs.generated import DOCS, ROOT
from tests.docs.prose import anchors, links

README = ROOT / "README.md"
PERFORMANCE = DOCS / "performance.md"
SECONDS = {"s": 1.0, "ms": 0.001}

COPIED = {
    "11,000 tables": {"scrape": ("{:.2f} s", "{:.1f} s"), "peak memory": ("{:.0f} MB", "{:.0f} MB")},
    "500 databases": {"scrape": ("{:.2f} s", "{:.2f} s"), "most sessions": ("{:.0f} sessions", "{:.0f}")},
    "Small stack": {
        "resident memory, all": ("{:.0f} MB", "{:.0f} MB"),
        "CPU per scrape, all, gzip": ("{:.0f} to", "{:.0f} ms"),
        "CPU per scrape, all, gzip, with pauses": ("to {:.0f} ms", "{:.0f} ms"),
    },
}
"""Section of the page on performance -> line -> how the README writes our figure and theirs."""


def number(cell: str) -> float:
    """A cell of the page, in seconds where it is a time."""
    value, _, unit = cell.partition(" ")
    return float(value.replace(",", "")) * SECONDS.get(unit, 1.0)


def row(section: str, line: str) -> list[str]:
    """The cells behind the name of a line, ours and theirs first."""
    part = PERFORMANCE.read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    found = re.search(rf"^\| {re.escape(line)} +\|(.*)$", part, re.MULTILINE)
    assert found, f"{section}: no line {line}"
    return [cell.strip() for cell in found[1].split("|")]


def test_the_readme_has_the_figures_of_the_page_on_performance() -> None:
    text = README.read_text()
    for section, lines in COPIED.items():
        anchor = re.sub(r"[^\w -]", "", section.lower()).replace(" ", "-")
        (stated,) = [line for line in text.splitlines() if f"performance.md#{anchor})" in line]
        for name, forms in lines.items():
            for form, cell in zip(forms, row(section, name), strict=False):
                value = number(cell) * (1000 if form.endswith(("ms", "to")) else 1)
                assert form.format(value) in stated, f"{section}, {name}: {cell}"


def test_the_readme_has_the_figures_of_other_pages() -> None:
    text = README.read_text()
    quiet = re.search(r"^\| alerts that fired in a quiet week \| (\d+ of \d+)", alerting(), re.MULTILINE)
    pages = re.search(r"^\| pages in a quiet week \| (\d+) \|", alerting(), re.MULTILINE)
    found = re.search(
        r"^\| missing indexes \| (\d+) \| (\d+) ", (DOCS / "analysis.md").read_text(), re.MULTILINE
    )

    assert quiet
    assert pages
    assert found
    assert f"{pages[1]} pages; {quiet[1]} alerts fired" in text
    assert f"{found[2]} of {found[1]} found" in text


def alerting() -> str:
    return (DOCS / "alerting.md").read_text()


def test_what_is_counted_is_there() -> None:
    text = README.read_text()
    rules = [
        rule for file in (ROOT / "prometheus" / "rules").glob("*.yml") for rule in alerts(file.read_text())
    ]
    runbooks = {file.stem for file in (DOCS / "runbooks").glob("*.md")}
    collectors = [
        file for file in (ROOT / "exporter" / "collectors" / "host").glob("*.py") if file.stem[0] != "_"
    ]

    assert f"{len(rules)} alerts with a runbook each" in text
    assert set(rules) <= runbooks
    assert f"{len([*(ROOT / 'grafana' / 'dashboards').glob('*.json')])} dashboards" in text
    assert f"the core: {len(collectors)} collectors" in text


def alerts(rules: str) -> list[str]:
    """The names of the alerts of a file."""
    return re.findall(r"^ +- alert: (\w+)$", rules, re.MULTILINE)


def test_the_readme_leads_to_every_way_to_install() -> None:
    pages = (
        "quick-start",
        "container",
        "compose",
        "kubernetes",
        "systemd",
        "sql",
        "scaling",
        "web",
        "security",
    )
    first, _, _ = README.read_text().partition("![")
    begin = [f"docs/{name}.md" for name in pages if f"(docs/{name}.md)" not in first]

    assert begin == []
    assert all(anchor in anchors(README) for path, anchor in links(README) if not path)
