"""Alerts broken on purpose: does a case of `promtool test rules` notice each?"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mixin import promql, rules
from tests.servers import catalogue

TURNED = {"==": "!=", "!=": "==", ">": "<", "<": ">", ">=": "<=", "<=": ">="}
COMPARED = re.compile(
    r"(?P<sign>==|!=|>=|<=|>|<)(?P<between>\s*\(*\s*-?)(?P<number>\d[\d.]*(?:[eE][+-]?\d+)?)"
)
FAILED = re.compile(r"^\s*(?:alertname: (\w+),|expr: \"(.*)\", time:)", re.MULTILINE)
NAME_IN_QUERY = re.compile(r'alertname=\\?"(\w+)')
MINUTES = {"d": 1440.0, "h": 60.0, "m": 1.0, "s": 1 / 60}
PART_OF_TIME = re.compile(r"(\d+)([dhms])")

Case = Mapping[str, Any]
"""One of the `tests` of a file for promtool."""
Group = Mapping[str, Any]
"""One of the `groups` of a file of rules."""


def times_ten(expression: str) -> str:
    """The first number that something is compared with, times ten; the same expression where it is 0."""
    found = COMPARED.search(expression)
    if found is None or float(found["number"]) == 0:
        return expression
    more = f"{found['sign']}{found['between']}{float(found['number']) * 10!r}"
    return expression[: found.start()] + more + expression[found.end() :]


def turned(expression: str) -> str:
    """The comparison with that number turned; without any, the absence of what the alert looks for."""
    if not COMPARED.search(expression):
        return f"absent({expression})"
    return COMPARED.sub(lambda m: TURNED[m["sign"]] + m["between"] + m["number"], expression, count=1)


MUTATIONS: Mapping[str, Callable[[str], str]] = {
    "threshold times ten": times_ten,
    "comparison turned": turned,
}


def named(case: Case) -> set[str]:
    """The alerts that a case can find fault with."""
    queries = " ".join(one["expr"] for one in case.get("promql_expr_test", ()))
    return {one["alertname"] for one in case.get("alert_rule_test", ())} | set(NAME_IN_QUERY.findall(queries))


def effort(case: Case) -> float:
    """How much promtool has to do for a case: series times the minutes until it is last asked."""
    asked = (*case.get("alert_rule_test", ()), *case.get("promql_expr_test", ()))
    return len(case.get("input_series", ())) * max(minutes(str(one["eval_time"])) for one in asked)


def minutes(time: str) -> float:
    """A time of promtool's files, as 1h30m."""
    return sum(int(number) * MINUTES[unit] for number, unit in PART_OF_TIME.findall(time))


def rules_for(case: Case, groups: Sequence[Group]) -> list[Group]:
    """The groups with nothing but the alerts that a case names, and what these and its queries read."""
    asked = [one["expr"] for one in case.get("promql_expr_test", ())]
    needed = named(case)
    every = [rule for group in groups for rule in group["rules"]]
    while more := set(_read([*asked, *(r["expr"] for r in every if _name(r) in needed)], every)) - needed:
        needed |= more
    left = [{**group, "rules": [r for r in group["rules"] if _name(r) in needed]} for group in groups]
    return [group for group in left if group["rules"]]


def _read(expressions: Iterable[str | float], every: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The rules that expressions read; ALERTS are all alerts, but where one is named."""
    for expression in expressions:
        for selector in promql.selectors(promql.parse(str(expression))):
            yield selector.name or ""
            if selector.name in ("ALERTS", "ALERTS_FOR_STATE"):
                one = [m.value for m in selector.matchers.matchers if m.name == "alertname" and _equal(m)]
                yield from one or (_name(rule) for rule in every if "alert" in rule)


def _equal(matcher: Any) -> bool:
    return str(matcher.op) == "MatchOp.Equal"


def _name(rule: Mapping[str, Any]) -> str:
    return str(rule.get("alert") or rule["record"])


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder with copies of rules and tests, in which alerts are broken.

    Attributes:
        folder: has `rules` and `tests`, as `prometheus/` has.
        survivors: `<alert> <severity>: <mutation>` of what no case noticed.
        noticed: how many were noticed.
    """

    folder: Path
    survivors: list[str] = field(default_factory=list)
    noticed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path, prometheus: Path = rules.ROOT / "prometheus") -> Bench:
        """Copies the shipped rules and their tests into a folder."""
        for part in ("rules", "tests"):
            shutil.copytree(prometheus / part, folder / part)
        return cls(folder)

    def run(self, topic: str) -> None:
        """Breaks the alerts of one file in each way: all at once, of two of one name one at a time."""
        file = self.folder / "rules" / f"{topic}.yml"
        whole = file.read_text()
        for turn in range(2):
            for mutation, change in MUTATIONS.items():
                if broken := self._break(file, whole, turn, change):
                    seen = self.seen(topic, {name for name, _ in broken})
                    for name, severity in broken:
                        (self.noticed if name in seen else self.survivors).append(
                            f"{name} {severity}: {mutation}"
                        )
        file.write_text(whole)

    def seen(self, topic: str, names: set[str]) -> set[str]:
        """The alerts among `names` that some case is not content with.

        One case is enough: of each alert the quickest comes first, the next only if that one says nothing.
        """
        content, tests = (
            yaml.load((self.folder / name).read_text(), yaml.CSafeLoader)
            for name in (f"rules/{topic}.yml", f"tests/{topic}_test.yml")
        )
        found: set[str] = set()
        cases = sorted(tests["tests"], key=effort)
        of_each = {name: [case for case in cases if name in named(case)] for name in sorted(names)}
        for turn in range(max(map(len, of_each.values()))):
            left = [of_name[turn : turn + 1] for name, of_name in of_each.items() if name not in found]
            chosen = [case for case in cases if [case] in left]
            files = [self._write(i, content, {**tests, "tests": [case]}) for i, case in enumerate(chosen)]
            found |= self.failing(files) if files else set()
        return found & names

    def failing(self, files: Sequence[Path]) -> set[str]:
        """The alerts that some case in these files is not content with."""
        done = subprocess.run(
            [catalogue.debian_program("prometheus").parent / "promtool", "test", "rules", *files],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        found: set[str] = set()
        for alert, query in FAILED.findall(done.stdout + done.stderr):
            found |= {alert} if alert else set(NAME_IN_QUERY.findall(query))
        return found

    def _write(self, number: int, content: Mapping[str, Any], tests: Mapping[str, Any]) -> Path:
        """A file for promtool with one case, beside one with the rules that it needs."""
        needed = {"groups": rules_for(tests["tests"][0], content["groups"])}
        (self.folder / f"{number}.rules.json").write_text(json.dumps(needed))
        file = self.folder / f"{number}.test.json"
        file.write_text(json.dumps({**tests, "rule_files": [f"{number}.rules.json"]}))
        return file

    @staticmethod
    def _break(file: Path, whole: str, turn: int, change: Callable[[str], str]) -> list[tuple[str, str]]:
        """Writes the file with the first or second of each name changed; returns which those are."""
        content = yaml.load(whole, yaml.CSafeLoader)
        broken, times = [], Counter[str]()
        for entry in (entry for group in content["groups"] for entry in group["rules"] if "alert" in entry):
            name = entry["alert"]
            if times[name] == turn and (after := change(str(entry["expr"]))) != entry["expr"]:
                entry["expr"] = after
                broken.append((name, entry["labels"]["severity"]))
            times[name] += 1
        file.write_text(yaml.safe_dump(content, sort_keys=False, width=10_000))
        return broken
