"""Baselines as people read them: tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from exporter.analysis.baseline.comparison import Change, Comparison, Figure, Verdict
from exporter.analysis.baseline.regressions import regressions
from exporter.analysis.baseline.snapshot import Baseline, Measured
from exporter.cli._terminal import one_line
from exporter.facts.statement import Counters

SHOWN = 15
COLOURS = {Verdict.WORSE: "bold red", Verdict.BETTER: "green", Verdict.NOT_COMPARABLE: "yellow"}
CUT = ("statement", "server")
"""Last columns that may be cut: they get what the others leave."""
GAP = 2
LEAST_WIDTH = 12
"""Of a statement, in a terminal that is too narrow for anything."""

Row = Sequence[str | Text]


def write_list(console: Console, baselines: Sequence[Baseline], folder: str) -> None:
    """The baselines that there are."""
    if not baselines:
        console.print(f"no baselines in {folder}")
        return
    names = ("name", "taken, UTC", "stretch", "statements", "calls/s", "time ms/s", "server")
    rows = [
        (
            one.name,
            _when(one.taken_at).removesuffix(" UTC"),
            _stretch(one),
            f"{len(one.statements):,}",
            _rate(one.totals.calls, one.seconds),
            _rate(one.totals.exec_ms, one.seconds),
            f"{one_line(one.target)} ({one.major})",
        )
        for one in baselines
    ]
    console.print(_table(console, names, rows))


def write_baseline(console: Console, baseline: Baseline) -> None:
    """One baseline with its costliest statements."""
    names = ("calls", "mean ms", "±", "total ms", "blocks/call", "statement")
    rows = [
        (
            f"{one.counters.calls:,.0f}",
            _ms(one.counters.mean_ms),
            _ms(one.counters.stddev_ms),
            f"{one.counters.exec_ms:,.0f}",
            _blocks(one.counters),
            one_line(one.text),
        )
        for one in baseline.statements[:SHOWN]
    ]
    hit = baseline.cache_hit_ratio
    console.print(
        f"{baseline.name}: {_when(baseline.taken_at)}, {_stretch(baseline)},"
        f" {one_line(baseline.target)}, PostgreSQL {baseline.major}",
        f"{_rate(baseline.totals.calls, baseline.seconds)} statements/s,"
        f" {_rate(baseline.totals.exec_ms, baseline.seconds)} ms/s of execution"
        + (f", cache hit ratio {hit:.2%}" if hit is not None else ""),
        _table(console, names, rows),
        *_left_out(len(baseline.statements)),
        sep="\n",
    )


def write_comparison(console: Console, comparison: Comparison) -> None:
    """The verdict first, then what speaks for it."""
    before, after = comparison.before, comparison.after
    verdict = Text(str(comparison.verdict), COLOURS.get(comparison.verdict, "bold"))
    console.print(
        verdict + Text(f": {comparison.reason}", ""),
        f"{before.name} ({_when(before.taken_at)}, {_stretch(before)}) -> "
        f"{after.name} ({_when(after.taken_at)}, {_stretch(after)})",
        *_elsewhere(before, after),
        *_sections(console, comparison),
        sep="\n",
    )


def _elsewhere(before: Baseline, after: Baseline) -> Iterable[str]:
    """That it is not the same server, if it is not."""
    servers = [f"{one_line(one.target)} (PostgreSQL {one.major})" for one in (before, after)]
    if servers[0] != servers[1]:
        yield f"not the same server: {servers[0]} -> {servers[1]}"


def _sections(console: Console, comparison: Comparison) -> Iterable[RenderableType]:
    changed = [c for c in comparison.changes if c.verdict is not Verdict.SAME]
    if changed:
        names = ("verdict", "before ms", "after ms", "times", "ms/s", "blocks/call", "statement")
        yield _table(console, names, [_changed(change) for change in changed[:SHOWN]])
        yield from _left_out(len(changed))
    for finding in islice(regressions(comparison), SHOWN):
        yield Text(f"{one_line(finding.title)}: {finding.why}")
    same = len(comparison.changes) - len(changed)
    yield (
        f"{same:,} statements as before; {comparison.too_few:,} ran too seldom to compare;"
        f" median ratio of all {comparison.shift:.2f}"
    )
    for title, ones in (("new", comparison.new), ("vanished", comparison.vanished)):
        if ones:
            yield f"{title}: {len(ones):,}"
            yield _table(
                console, ("calls", "mean ms", "total ms", "statement"), [_only(one) for one in ones[:5]]
            )
    figures = [_figure(one) for one in comparison.figures if one.before or one.after]
    yield _table(console, ("figure", "before", "after", "unit"), figures)
    if comparison.tables:
        sizes = list(comparison.tables.items())[:5]
        rows = [(one_line(n), f"{old / 1e6:,.1f}", f"{new / 1e6:,.1f}") for n, (old, new) in sizes]
        yield _table(console, ("table", "before MB", "after MB"), rows)


def _changed(change: Change) -> Row:
    before, after = change.before.counters, change.after.counters
    return (
        Text(str(change.verdict), COLOURS.get(change.verdict, "")),
        _ms(before.mean_ms),
        _ms(after.mean_ms),
        f"{change.ratio:,.3g}",
        "" if change.effect is None else f"{change.effect:+,.1f}",
        f"{_blocks(before)} -> {_blocks(after)}",
        one_line(change.after.text),
    )


def _only(one: Measured) -> Row:
    counted = one.counters
    return f"{counted.calls:,.0f}", _ms(counted.mean_ms), f"{counted.exec_ms:,.0f}", one_line(one.text)


def _figure(figure: Figure) -> Row:
    values = ("?" if value is None else f"{value:,.4g}" for value in (figure.before, figure.after))
    return figure.name, *values, figure.unit


def _table(console: Console, names: Sequence[str], rows: Sequence[Row]) -> Table:
    """Numbers to the right; of the last column there is as much as fits."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    cells = [names, *rows]
    used = sum(max(len(row[place]) for row in cells) + GAP for place in range(len(names) - 1))
    for place, name in enumerate(names):
        left = place in (0, len(names) - 1)
        if name in CUT:
            width = max(LEAST_WIDTH, console.width - used)
            table.add_column(name, no_wrap=True, overflow="ellipsis", width=width)
        else:
            table.add_column(name, justify="left" if left else "right", no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*row)
    return table


def _left_out(count: int) -> Iterable[str]:
    if count > SHOWN:
        yield f"... and {count - SHOWN:,} more: --format json has all"


def _when(taken_at: float) -> str:
    return datetime.fromtimestamp(taken_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _stretch(baseline: Baseline) -> str:
    if baseline.seconds is None:
        return "lifetime"
    hours = baseline.seconds / 3600
    text = f"{hours:,.1f} h" if hours >= 1 else f"{baseline.seconds:,.0f} s"
    return f"lifetime, {text}" if baseline.lifetime else text


def _rate(value: float, seconds: float | None) -> str:
    return f"{value / seconds:,.1f}" if seconds else "?"


def _ms(value: float) -> str:
    return f"{value:,.3f}" if value < 10 else f"{value:,.1f}"


def _blocks(counters: Counters) -> str:
    return f"{(counters.shared_blks_hit + counters.shared_blks_read) / counters.calls:,.1f}"
