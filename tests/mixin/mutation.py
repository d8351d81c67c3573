"""Alerts broken on purpose: does a case of `promtool test rules` notice each?"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mixin import rules
from tests.servers import catalogue

TURNED = {"==": "!=", "!=": "==", ">": "<", "<": ">", ">=": "<=", "<=": ">="}
COMPARED = re.compile(
    r"(?P<sign>==|!=|>=|<=|>|<)(?P<between>\s*\(*\s*-?)(?P<number>\d[\d.]*(?:[eE][+-]?\d+)?)"
)
FAILED = re.compile(r"^\s*(?:alertname: (\w+),|expr: \"(.*)\", time:)", re.MULTILINE)
NAME_IN_QUERY = re.compile(r'alertname=\\?"(\w+)')


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
                    seen = self.failing(topic)
                    for name, severity in broken:
                        (self.noticed if name in seen else self.survivors).append(
                            f"{name} {severity}: {mutation}"
                        )
        file.write_text(whole)

    def failing(self, topic: str) -> set[str]:
        """The alerts that some case of the topic's tests is not content with."""
        done = subprocess.run(
            [
                catalogue.debian_program("prometheus").parent / "promtool",
                "test",
                "rules",
                f"{topic}_test.yml",
            ],
            cwd=self.folder / "tests",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        found: set[str] = set()
        for alert, query in FAILED.findall(done.stdout + done.stderr):
            found |= {alert} if alert else set(NAME_IN_QUERY.findall(query))
        return found

    @staticmethod
    def _break(file: Path, whole: str, turn: int, change: Callable[[str], str]) -> list[tuple[str, str]]:
        """Writes the file with the first or second of each name changed; returns which those are."""
        content = yaml.safe_load(whole)
        broken, times = [], Counter[str]()
        for entry in (entry for group in content["groups"] for entry in group["rules"] if "alert" in entry):
            name = entry["alert"]
            if times[name] == turn and (after := change(str(entry["expr"]))) != entry["expr"]:
                entry["expr"] = after
                broken.append((name, entry["labels"]["severity"]))
            times[name] += 1
        file.write_text(yaml.safe_dump(content, sort_keys=False, width=10_000))
        return broken
