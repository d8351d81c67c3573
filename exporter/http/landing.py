"""The page at `/`: plain HTML, no script, nothing from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from urllib.parse import quote

from exporter import __version__
from exporter.http.served import Watched
from exporter.model.snapshot import Outcome, Snapshot, State

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto;
       padding: 0 1rem; color: #1c2733 }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.1rem; margin-top: 2rem }
p.sub { color: #5b6875; margin-top: .2rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .25rem .8rem .25rem 0 }
th { border-bottom: 1px solid #cfd6dd; font-weight: 600 }
td { border-bottom: 1px solid #edf0f2; vertical-align: top }
td.n { text-align: right; font-variant-numeric: tabular-nums }
.ok { color: #17733b } .failed, .late { color: #b3261e; font-weight: 600 } .skipped { color: #6b7785 }
.unnamed tr > :first-child { display: none }
nav a { margin-right: 1.2rem } code { background: #f3f5f7; padding: .05rem .3rem }
"""

_STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
HTML_HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-frame-options": "deny",
}
"""For a page that has one style and nothing else, and that no other page may show."""


def landing_page(found: Sequence[tuple[str, Watched, Snapshot]], metrics_path: str) -> str:
    """The HTML: version, targets with their state, collectors with their outcome, links.

    Args:
        found: the top level, whose name is empty, and each named target, with what it gave.
        metrics_path: where the metrics page is.
    """
    families = sorted({outcome.family for _, _, snapshot in found for outcome in snapshot.outcomes})
    links = [f'<a href="{escape(metrics_path)}">all metrics</a>']
    links += [f'<a href="{escape(metrics_path)}?collect[]={quote(f)}">{escape(f)}</a>' for f in families]
    links += ['<a href="/-/healthy">health</a>', '<a href="/-/ready">readiness</a>']
    rows = "".join(_collector_row(name, o) for name, _, snapshot in found for o in snapshot.outcomes)
    targets = "".join(
        _target_row(name, family, address, snapshot)
        for name, watched, snapshot in found
        for family, address in watched.addresses
    )
    unnamed = "" if any(name for name, _, _ in found) else ' class="unnamed"'  # no column for no names
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>datastack-exporter</title>'
        f"<style>{STYLE}</style></head><body{unnamed}><h1>datastack-exporter</h1>"
        f'<p class="sub">version {escape(__version__)}</p><nav>{" ".join(links)}</nav>'
        f"<h2>Targets</h2><table><tr><th>Name<th>Family<th>Address<th>State</tr>{targets}</table>"
        "<h2>Collectors</h2><table>"
        "<tr><th>Target<th>Collector<th>Family<th>State<th>Milliseconds<th>Why</tr>"
        f"{rows}</table></body></html>\n"
    )


def _target_row(target: str, family: str, address: str, snapshot: Snapshot) -> str:
    name = "pgbouncer" if family == "pool" else family
    up = next((o for o in snapshot.outcomes if o.collector == f"{name}_up"), None)
    state, text = (State.OK, "up") if up is None or up.state is State.OK else (up.state, "down")
    link = f'<a href="/probe?target={quote(target)}">{escape(target)}</a>' if target else ""
    return f'<tr><td>{link}<td>{escape(name)}<td>{escape(address)}<td class="{state}">{text}</tr>'


def _collector_row(target: str, outcome: Outcome) -> str:
    milliseconds = f"{outcome.seconds * 1000:.1f}"
    return (
        f"<tr><td>{escape(target)}<td><code>{escape(outcome.collector)}</code><td>{escape(outcome.family)}"
        f'<td class="{outcome.state}">{outcome.state}<td class="n">{milliseconds}'
        f"<td>{escape(outcome.text)}</tr>"
    )
