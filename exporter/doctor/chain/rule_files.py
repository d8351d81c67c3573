"""Whether Prometheus has the rules that stand in files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from exporter.doctor.chain.client import Api, ApiError
from exporter.doctor.chain.durations import seconds
from exporter.doctor.chain.prometheus import data
from exporter.doctor.chain.rules import Rule
from exporter.doctor.chain.words import count, few
from exporter.doctor.finding import Notes

SPACE = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|\s+""")
RELOAD = ("promtool check config /etc/prometheus/prometheus.yml", "systemctl reload prometheus")


def read(folder: Path) -> list[Rule]:
    """The rules of all `*.yml` and `*.yaml` files of a folder.

    Raises:
        ValueError: a file is no file of rules; the message names it.
        OSError: a file can't be read.
    """
    files = sorted(path for path in folder.iterdir() if path.suffix in (".yml", ".yaml"))
    return [rule for file in files for rule in _read(file)]


def _read(file: Path) -> Iterator[Rule]:
    try:
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            for entry in group["rules"]:
                yield _rule(entry)
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        raise ValueError(f"{file} is no file of rules: promtool check rules {file}") from None


def _rule(entry: Mapping[str, Any]) -> Rule:
    return Rule(
        "alert" in entry,
        entry["alert"] if "alert" in entry else entry["record"],
        str(entry["expr"]),
        {name: str(value) for name, value in (entry.get("labels") or {}).items()},
        {name: str(value) for name, value in (entry.get("annotations") or {}).items()},
        seconds(str(entry.get("for", "0"))),
        seconds(str(entry.get("keep_firing_for", "0"))),
    )


def compare(api: Api, notes: Notes, loaded: Sequence[Rule], folder: Path) -> None:
    """Notes which rules of the files Prometheus lacks, or has in another form.

    Raises:
        ApiError: Prometheus does not tell.
    """
    try:
        wanted = read(folder)
    except (ValueError, OSError) as error:
        notes.error(f"--rules: {error}")
        return
    have: defaultdict[tuple[str, str], list[Rule]] = defaultdict(list)
    for rule in loaded:
        have[rule.key].append(rule)
    missing = [rule for rule in wanted if rule.key not in have]
    pairs = ((rule, _difference(api, rule, have[rule.key])) for rule in wanted if rule.key in have)
    different = [f"{rule} in {why}" for rule, why in pairs if why]
    if missing:
        what = f"not loaded of {folder}, {count(len(missing), 'rule')}: {few(str(rule) for rule in missing)}"
        notes.error(what, "# prometheus.yml has to name the files in rule_files, then", *RELOAD)
    if different:
        notes.error(
            f"loaded otherwise than in {folder}, {count(len(different), 'rule')}: {few(different)}", *RELOAD
        )
    if not missing and not different:
        notes.ok(f"all {len(wanted)} rules of {folder} are loaded as they stand there")


def _difference(api: Api, rule: Rule, loaded: Sequence[Rule]) -> str:
    """In what a rule differs from all that are loaded by its name and severity; empty for nothing."""
    whys = [_one_difference(api, rule, other) for other in loaded]
    return "" if "" in whys else whys[0]


def _one_difference(api: Api, one: Rule, other: Rule) -> str:
    for name, same in (
        ("labels", dict(one.labels) == dict(other.labels)),
        ("for", one.wait == other.wait),
        ("keep_firing_for", one.keep == other.keep),
        ("annotations", dict(one.annotations) == dict(other.annotations)),
        ("expr", _same(api, one.expr, other.expr)),
    ):
        if not same:
            return name
    return ""


def _same(api: Api, one: str, other: str) -> bool:
    """Whether two expressions are the same but for the form, of which Prometheus is the judge."""
    return _squeezed(one) == _squeezed(other) or _formatted(api, one) == _formatted(api, other)


def _formatted(api: Api, expression: str) -> str:
    try:
        return str(data(api, "format_query", query=expression))
    except ApiError as error:
        if error.status == 400:  # it is no PromQL
            return expression
        raise


def _squeezed(expression: str) -> str:
    """Without white space, but for that of strings: what comes out need not be PromQL."""
    return SPACE.sub(lambda match: match[1] or "", expression)
