"""What fires: the shipped rules over generated series, by `promtool test rules`."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from math import isnan, nan
from pathlib import Path
from typing import Any

import yaml
from promql_parser import MatrixSelector

from mixin import promql, rules
from tests.noise.edits import STARTS
from tests.noise.generator import Series, Value
from tests.noise.week import DAY
from tests.servers import catalogue

ALERTS = 'ALERTS{alertname!="Watchdog"}'
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
TIME = re.compile(r"time: (\S+),\s*$")
GOT = re.compile(r'\{((?:[^{}"]|"(?:[^"\\]|\\.)*")*)\} 1E\+00')
LONG = timedelta(days=6)
UNITS = {"d": 1440.0, "h": 60.0, "m": 1.0, "s": 1 / 60}


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert from when it fires, or waits to fire, to when it no longer does.

    Attributes:
        labels: of the alert, `alertname` and `severity` among them.
        start: the first minute.
        end: the minute after the last.
        pending: whether it only waits, for as long as its `for`.
    """

    labels: frozenset[tuple[str, str]]
    start: int
    end: int
    pending: bool = False

    @property
    def name(self) -> str:
        """The alert's name."""
        return dict(self.labels)["alertname"]

    @property
    def severity(self) -> str:
        """The alert's severity."""
        return dict(self.labels)["severity"]


def thinned(samples: Sequence[Value]) -> list[Value]:
    """Every fourth of them, which is often enough for a value to be known in between, and all changes."""
    return [
        value if minute % 4 == 0 or value != samples[minute - 1] else nan
        for minute, value in enumerate(samples)
    ]


def values_of(samples: Sequence[Value]) -> str:
    """Samples in promtool's notation; what ends is marked as stale, as Prometheus does."""
    found: list[str] = []
    here = 0
    while here < len(samples):
        end = here + 1
        while end < len(samples) and samples[end] == samples[here]:
            end += 1
        found.extend(_run(samples[here], end - here, after=here > 0))
        here = end
    return " ".join(found)


def _run(value: Value, length: int, *, after: bool) -> list[str]:
    if value is None:
        stale = ["stale"] if after else []
        length -= len(stale)
        return stale + ([f"_x{length}"] if length > 1 else ["_"] * length)
    if isnan(value):
        return ["_"] * length
    text = f"{value:.0f}" if value == int(value) else f"{value:.10g}"
    return [f"{text}+0x{length - 1}"] if length > 2 else [text] * length


@dataclass(frozen=True, slots=True)
class Part:
    """Rules that are evaluated together, apart from the others: half the work for each of two cores.

    Attributes:
        name: of its files.
        topics: the files whose alerts it has, with all that is recorded for them anywhere.
        days: of history that these need before the first minute that is asked for.
    """

    name: str
    topics: frozenset[str]
    days: int

    def rules(self) -> list[rules.Rule]:
        """Its alerts, and the recordings that some of them looks at, itself or by another recording."""
        found: list[rules.Rule] = [a for a in rules.alerts() if a.file.stem in self.topics]
        recordings, names = rules.recordings(), set[str]()
        for rule in found:  # grows meanwhile
            more = {s.name for s in promql.selectors(promql.parse(rule.expr))} - names
            found += [r for r in recordings if r.name in more]
            names |= more
        return found

    def metrics(self) -> set[str]:
        """What its rules read."""
        return {s.name for r in self.rules() for s in promql.selectors(promql.parse(r.expr))}

    def over_days(self) -> set[str]:
        """What its rules read over more days than promtool bears: 10,000 samples of a series."""
        nodes = [node for rule in self.rules() for node in promql.walk(promql.parse(rule.expr))]
        ranges = [node for node in nodes if isinstance(node, MatrixSelector)]
        return {str(node.vector_selector.name) for node in ranges if node.range > LONG}


APPLICATIONS = frozenset({"anomalies", "application", "business", "slo"})
PARTS = (
    Part("applications", APPLICATIONS, days=7),
    Part("servers", frozenset(p.stem for p in rules.RULES.glob("*.yml")) - APPLICATIONS, days=4),
)
"""InfoInhibitor, which looks at all alerts, is with the servers: it holds back nothing of the others."""


def write_rules(folder: Path, part: Part) -> list[str]:
    """The shipped rules of a part as they are."""
    found = []
    wanted = {(r.file, r.name, str(r.labels)) for r in part.rules()}
    for path in sorted(rules.RULES.glob("*.yml")):
        content = yaml.safe_load(path.read_text())
        for group in content["groups"]:
            group["rules"] = [r for r in group["rules"] if _identity(path, r) in wanted]
        file = folder / f"{part.name}_{path.name}"
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        found.append(str(file))
    return found


def _identity(path: Path, rule: Mapping[str, Any]) -> tuple[Path, str, str]:
    return path, rule.get("alert") or rule["record"], str(dict(rule.get("labels", {})))


def write(file: Path, series: Iterable[Series], part: Part, asked: range) -> None:
    """Writes a unit test that wants no alert at the given minutes, and so says which there are.

    Its time begins with the history that the part needs. Rules are evaluated as often as is asked.
    """
    first = asked.start - part.days * DAY
    metrics, long = part.metrics(), part.over_days()
    with file.open("w") as out:
        out.write(f"rule_files: {json.dumps(write_rules(file.parent, part))}\n")
        out.write(f"evaluation_interval: {asked.step}m\ntests:\n- interval: 1m\n  input_series:\n")
        for one in series:
            if one.name in metrics:
                labels = ",".join(f"{key}={json.dumps(value)}" for key, value in sorted(one.labels.items()))
                out.write(f"  - series: {json.dumps(f'{one.name}{{{labels}}}')}\n")
                samples = _from(one, first)
                out.write(f"    values: '{values_of(thinned(samples) if one.name in long else samples)}'\n")
        out.write("  promql_expr_test:\n")
        for minute in asked:
            at = f"eval_time: {minute - first}m, exp_samples: []"
            out.write(f"  - {{expr: {json.dumps(ALERTS)}, {at}}}\n")


def _from(one: Series, first: int) -> list[Value]:
    samples = one.samples()[first:]
    if one.name not in STARTS:
        return samples
    return [None if value is None else value - first * 60 for value in samples]


def evaluate(folder: Path, series: Sequence[Series], asked: range, seconds: float) -> list[Firing]:
    """What fires at the minutes that are asked for, by time; the parts are evaluated at the same time.

    Raises:
        subprocess.TimeoutExpired: it took longer than `seconds`.
        RuntimeError: promtool could not do it; with what it said.
    """
    with ThreadPoolExecutor(len(PARTS)) as pool:
        files = [folder / f"{part.name}.yml" for part in PARTS]
        for file, part in zip(files, PARTS, strict=True):
            write(file, series, part, asked)
        answers = list(pool.map(lambda file: _run_promtool(file, seconds), files))
    found = [
        replace(f, start=f.start + asked.start - part.days * DAY, end=f.end + asked.start - part.days * DAY)
        for part, said in zip(PARTS, answers, strict=True)
        for f in firings(said, asked.step)
    ]
    return sorted(found, key=lambda f: (f.start, sorted(f.labels)))


def _run_promtool(file: Path, seconds: float) -> str:
    program = catalogue.debian_program("prometheus").parent / "promtool"
    done = subprocess.run(
        ["nice", program, "test", "rules", file],
        env={**os.environ, "GOGC": "300"},  # much is allocated, little is kept
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    said = done.stdout + done.stderr
    file.with_suffix(".txt").write_text(said)
    if "SUCCESS" not in said and "exp:" not in said:
        raise RuntimeError(said[-3000:])
    return said


def firings(said: str, step: int) -> Iterator[Firing]:
    """What promtool says that it got, put together: an alert in consecutive minutes is one."""
    since: dict[frozenset[tuple[str, str]], tuple[int, int]] = {}
    for minute, labels in _got(said):
        start, last = since.get(labels, (minute, minute - step))
        if last != minute - step:
            yield _firing(labels, start, last + step)
            start = minute
        since[labels] = (start, minute)
    for labels, (start, last) in since.items():
        yield _firing(labels, start, last + step)


def _firing(labels: frozenset[tuple[str, str]], start: int, end: int) -> Firing:
    state = ("alertstate", "pending")
    own = {pair for pair in labels if pair[0] not in ("alertstate", "__name__")}
    return Firing(frozenset(own), start, end, pending=state in labels)


def _got(said: str) -> Iterator[tuple[int, frozenset[tuple[str, str]]]]:
    minute = 0
    for line in said.splitlines():
        if time := TIME.search(line):
            minute = _minutes(time[1])
        elif "got:" in line:
            for labels in GOT.findall(line):
                yield minute, frozenset(LABEL.findall(labels))


def _minutes(duration: str) -> int:
    """Minutes of a duration as Prometheus writes it: `1d2h5m`."""
    return round(sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", duration)))
