"""Every block of the documentation is looked at by some test: what nobody knows how to look at fails here."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from exporter.settings.flags import flag
from exporter.settings.model import fields_of
from mixin import promql
from tests.docs import flags
from tests.docs.generated import DOCS, ROOT
from tests.docs.prose import FENCE, Block, all_blocks, links, name_of, pages
from tests.docs.settings import all_settings
from tests.docs.shell import COVERED, ELSEWHERE, steps, unknown
from tests.each import each
from tests.servers import catalogue, require

README = ROOT / "README.md"
LINES = 200

LANGUAGES = {
    "sh": "tests/deploy/docs/test_commands.py",
    "sql": "tests/deploy/docs/test_commands.py",
    "conf": "tests/deploy/docs/test_commands.py: a PostgreSQL knows each setting",
    "yaml": "tests/unit/test_docs.py loads it as ours; tests/live/test_docs.py gives it to promtool",
    "yml": "here it is read; what is Prometheus's goes to promtool in tests/live/test_docs.py",
    "promql": "here it is parsed, and tests/mixin knows the names in runbooks",
    "redis": "tests/live/test_docs.py",
    "json": "here it is read",
    "ini": "here it is read",
    "python": "here it is compiled; tests/live/test_docs.py and tests/unit/http/api run some",
    "toml": "tests/unit/test_docs.py",
    "diff": "tests/live/test_docs.py applies it",
    "dockerfile": "here: the Dockerfile has it",
    "text": "drawings and what programs write",
}
"""Language of a block -> where it is looked at."""


@each(pages())
def test_each_block_has_a_language_that_is_looked_at(page: Path) -> None:
    found = {language for language, _ in FENCE.findall(page.read_text())}

    assert found <= LANGUAGES.keys(), f"{sorted(found - LANGUAGES.keys())}"


@each(all_blocks("sh"))
def test_each_command_is_run_or_has_a_reason(block: Block) -> None:
    assert [name for step in steps(block.text) for name in unknown(step)] == [], block.page.name


def test_shell_is_shell() -> None:
    for block in all_blocks("sh"):
        done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), f"{name_of(block.page)}: {done.stderr}"


def test_tests_that_reasons_name_are_there() -> None:
    named = {
        path
        for text in (*COVERED.values(), *ELSEWHERE.values())
        for path in re.findall(r"tests/[\w./]+\w", text)
    }

    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@each(all_blocks("sh"))
def test_tools_of_developers_are_there(block: Block) -> None:
    for module in re.findall(r"^\.venv/bin/python -m ([\w.]+)", block.text, re.MULTILINE):
        assert find_spec(module), f"{block.page.name}: {module}"


def expressions(text: str) -> list[str]:
    """Those of a block: with an empty line between two, or each on a line."""
    parts = [part for part in text.split("\n\n") if part.strip()]
    try:
        for part in parts:
            promql.parse(part)
    except ValueError:
        return [line for line in text.splitlines() if line.strip()]
    return parts


@each(all_blocks("promql"))
def test_promql_is_promql(block: Block) -> None:
    for expression in expressions(block.text):
        try:
            promql.parse(expression)
        except ValueError as error:
            pytest.fail(f"{block.page.name}: {error}")


@each(all_blocks("dockerfile"))
def test_the_dockerfile_has_what_pages_show_of_it(block: Block) -> None:
    instructions = (ROOT / "Dockerfile").read_text().splitlines()
    for line in block.text.splitlines():
        begin, end = line.split(" ")[0], line.rpartition("CMD ")[2]
        assert any(there.startswith(begin) and there.endswith(end) for there in instructions), line


READERS: Mapping[str, Callable[[str], object]] = {
    "yml": lambda text: list(yaml.safe_load_all(text)),
    "json": json.loads,
    "python": lambda text: compile(text, "page", "exec"),
    "ini": lambda text: configparser.ConfigParser(interpolation=None).read_string(text),
}


@pytest.mark.parametrize("language", READERS)
def test_what_is_only_read_can_be_read(language: str) -> None:
    for block in all_blocks(language):
        try:
            READERS[language](block.text)
        except (ValueError, SyntaxError, yaml.YAMLError, configparser.Error) as error:
            pytest.fail(f"{name_of(block.page)}: {error}\n{block.text}")


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "README.md"
    listed = {(index.parent / path).resolve() for path, _ in links(index)}
    every = {*DOCS.glob("*.md"), *(DOCS / "migrating").glob("*.md")} - {index}

    assert sorted(name_of(page) for page in every - listed) == []


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= LINES


@pytest.mark.parametrize("exporter", flags.EXPORTERS)
def test_what_stands_for_a_flag_is_here(exporter: str) -> None:
    ours = {flag(key) for key in fields_of(all_settings())} | {"--web.config.file", "--version", "--help"}
    here = [line["here"].replace("--no-", "--") for line in flags.lines_of(exporter) if line["here"]]

    assert [name for name in here if name not in ours] == []
    assert [line for line in flags.lines_of(exporter) if not (line["here"] or line["remark"])] == []


PACKAGES = ("postgres", "redis", "node")
"""pgbouncer_exporter of Debian is another project."""


@pytest.mark.live
@pytest.mark.parametrize("name", PACKAGES)
def test_every_flag_that_debians_exporter_has_is_in_the_list(name: str) -> None:
    program = require(catalogue.debian_program, f"prometheus-{name}-exporter")
    done = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    found = set(re.findall(r"^ +--?(?:\[no-\])?([a-zA-Z][\w.-]+)", done.stdout + done.stderr, re.MULTILINE))
    listed = {line["flag"] for line in flags.lines_of(f"{name}_exporter")}

    assert len(found) > 10
    assert sorted(found - listed - {"help", "help-long", "help-man"}) == []
