"""The documentation says what is there: commands, settings, metrics, files."""

from __future__ import annotations

import re
import tomllib
from argparse import ArgumentParser
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.cli import COMMANDS
from exporter.collectors import ENTRY_POINTS, FAMILIES, discover
from exporter.settings import load_settings
from exporter.settings.compat import LIBPQ, PLAIN
from exporter.settings.environment import PREFIX
from exporter.settings.flags import flag
from exporter.settings.keys import Keys, from_underscores
from exporter.settings.model import TARGETS, fields_of
from exporter.settings.web_file.model import WebFile
from exporter.settings.web_file.read import read_web_file
from exporter.slow_log.callbacks import GROUP
from tests.docs.generated import DOCS, PAGES, ROOT, generated, part_names
from tests.docs.metrics import own_names
from tests.docs.prose import Block, all_blocks, anchors, code_of, links, name_of, pages, written
from tests.docs.settings import all_settings
from tests.docs.upstream import absent_names
from tests.each import each

EACH = each(pages())

# Pages that speak of recorded series, of applications and of PostgreSQL's own: tests/mixin/test_inventory.py.
GATED = [*(DOCS / "runbooks").glob("*.md"), *(DOCS / f"{n}.md" for n in ("alerting", "dashboards"))]

COLLECTORS = discover()
FIELDS = fields_of(all_settings())
SECTIONS = {section for section, _ in FIELDS}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

FILES = ("ini", "conf", "log", "yml")
"""Ends of names of files: pgbouncer.ini and config.yml are no keys of ours."""

OF_PROMETHEUS = {"--web.enable-admin-api", "--web.enable-lifecycle", "--web.external-url"}

# The package's older line has the higher version numbers: a lower bound would choose it.
PINNED = ["grafana-foundation-sdk==0.0.21"]

# Words that look like metrics: PostgreSQL's own, the fields of examples, names of exporters.
NOT_METRICS = {
    *{"pg_monitor", "pg_catalog", "pg_roles", "pg_stat_wal", "pg_stat_ssl", "pg_stat_activity"},
    *{
        "redis_password",
        "pgbouncer_password",
        "pg_read_all_data",
        "pg_read_all_stats",
        "pg_stat_statements",
        "pg_stat_statements_reset",
    },
}
METRIC = re.compile(
    r"(?<![\w./-])(?:pg|redis|node|pgbouncer|psycopg_pool|exporter)_[a-z0-9_<>*]+(?![\w(/.-])"
)


def ids(block: Block) -> str:
    return f"{name_of(block.page)}-{block.text.partition(chr(10))[0][:30]}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_generated_is_what_the_code_says_now(page: Path) -> None:
    assert part_names(page) == list(PAGES[page])
    assert generated(page) == page.read_text(), f"{name_of(page)} is not up to date: run make docs"


@EACH
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{path} is not there"
        assert target.is_relative_to(ROOT)
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}: no such heading"


@EACH
def test_files_that_are_named_are_there(page: Path) -> None:
    for code in code_of(page):
        for path in re.findall(r"(?<![\w/.-])(?:exporter|tests|docs)/[\w./-]+\w", code):
            assert (ROOT / path).exists() or path in new_files(page), f"{path} is not there"


def new_files(page: Path) -> set[str]:
    """The files that the page tells to write."""
    return set(re.findall(r"this is `(\S+)`", written(page)))


@EACH
def test_variables_exist(page: Path) -> None:
    keys = Keys(all_settings())
    found = set(re.findall(r"(?<![A-Z_])EXPORTER_[A-Z0-9]\w*", written(page)))

    assert [name for name in found if from_underscores(name.removeprefix(PREFIX)) not in keys] == []


@EACH
def test_flags_and_keys_of_settings_exist(page: Path) -> None:
    flags = {flag(key) for key in FIELDS} | {flag(key).replace("--", "--no-") for key in FIELDS}
    flags |= {"--web.config.file", *OF_PROMETHEUS}
    for code in code_of(page):
        for given in re.findall(rf"(?<![\w-])--(?:no-)?(?:{'|'.join(SECTIONS)})\.[\w.-]+", code):
            assert given in flags, f"{given} is no flag"
        if key := re.fullmatch(r"(\w+)\.(\w+)", code):
            section, name = key.groups()
            assert section not in SECTIONS or (section, name) in FIELDS or name in FILES, f"{code} is no key"


@EACH
def test_commands_and_their_options_exist(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for code in code_of(page):
        if make := re.match(r"make ((?:[\w-]+ ?)+)", code):
            words = make[1].split(" ")
            assert set(filter(None, words)) <= targets, f"{code}: no such target"
        if ours := re.search(
            r"(?<!-u )(?<!/)(?<!systemctl show )(?<!systemctl status )datastack-exporter +(?!=)([^|#;]+)",
            code,
        ):
            check_command(ours[1].split())


def check_command(words: list[str]) -> None:
    command = words[0] if words[0] in COMMANDS else "serve"
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--help", action="store_true")
    import_module(f"exporter.cli.{command.replace('-', '_')}").add_options(parser.add_argument_group())
    settings = [word for word in words if re.match(r"--(no-)?\w+\.", word)]
    rest = [word for word in words if word not in (command, *settings)]

    assert parser.parse_known_args(rest)[1] == [], f"datastack-exporter {' '.join(words)}"


@each([page for page in pages() if page not in GATED])
def test_metrics_exist(page: Path) -> None:
    patterns = [m.name for named in COLLECTORS.values() for m in named.spec.metrics] + [*own_names()]
    known = re.compile("|".join(re.sub(r"<\w+>", r"[\\w<>]+", name) for name in patterns))
    others = {*NOT_METRICS, *COLLECTORS, *new_metrics(page)}
    for code in code_of(page):
        for name in METRIC.findall(code):
            begin = name.rstrip("*")
            ends_open = name.endswith("*") and any(pattern.startswith(begin) for pattern in patterns)
            alone = name.removesuffix("_bucket")
            assert name in others or ends_open or known.fullmatch(alone), f"{name} is no metric of ours"


def new_metrics(page: Path) -> set[str]:
    """The metrics that the page's own examples declare."""
    return set(re.findall(r'(?:Gauge|Counter)\("(\w+)"', written(page)))


def test_words_that_look_like_metrics_are_used() -> None:
    text = " ".join(written(page) for page in pages())

    assert [word for word in sorted(NOT_METRICS) if not re.search(rf"\b{word}\b", text)] == []


@EACH
def test_families_and_collectors_that_are_selected_exist(page: Path) -> None:
    known = {*FAMILIES, *COLLECTORS, *(Path(path).stem for path in new_files(page))}
    for code in code_of(page):
        selected = re.findall(r"(?:collect|exclude)\[\](?:=|: \[)(\w+)|--collector[ =](\w+)", code)
        assert {name for pair in selected for name in pair if name} - {"NAME"} <= known


@pytest.mark.parametrize("block", all_blocks("yaml"), ids=ids)
def test_yaml_is_a_configuration(block: Block, tmp_path: Path) -> None:
    """Ours, or a web configuration. Prometheus's is judged in tests/live, manifests in tests/deploy."""
    content = yaml.safe_load(block.text)
    if "apiVersion" in content:
        return
    if content.keys() <= WebFile.model_fields.keys():
        file = tmp_path / "web.yml"
        file.write_text(block.text)
        assert read_web_file(file).model_fields_set == content.keys()
        return
    if "scrape_configs" in content:
        jobs: dict[str, Any] = {
            job["job_name"]: job["params"]["collect[]"]
            for job in content["scrape_configs"]
            if job.get("metrics_path") != "/probe"
        }
        known = {"postgres": ["postgres"], "redis": ["redis"], "node": ["host"], "pgbouncer": ["pool"]}
        assert jobs.items() <= known.items()
        return
    password = tmp_path / "password"
    password.write_text("secret")
    file = tmp_path / "exporter.yml"
    file.write_text(re.sub(r"/run/secrets/\w+", str(password), block.text))

    settings = load_settings(["--config.file", str(file)], {}, switches())

    assert set(content.pop(TARGETS, ())) == set(settings.targets)
    for section, values in content.items():
        assert set(values) <= getattr(settings, section).model_fields_set


def switches() -> Mapping[str, tuple[bool, str]]:
    return {name: (named.spec.default, named.spec.help) for name, named in COLLECTORS.items()}


@pytest.mark.parametrize("block", all_blocks("toml"), ids=ids)
def test_the_entry_point_group_is_ours(block: Block) -> None:
    assert [*tomllib.loads(block.text)["project"]["entry-points"]] in ([ENTRY_POINTS], [GROUP])


def test_every_command_is_in_the_readme() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (?!GET|POST)", (ROOT / "README.md").read_text(), re.MULTILINE)

    assert sorted(set(rows) - set(FAMILIES)) == sorted(COMMANDS)


def test_every_make_target_of_the_day_is_in_the_makefile_help() -> None:
    documented = re.findall(r"^make (\w+)", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    helped = re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert set(documented) <= set(helped)


def test_the_order_of_layers_is_the_one_that_is_checked() -> None:
    layers = PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    there = [layer.removeprefix("exporter.") for layer in reversed(layers) if find_spec(layer)]
    drawn = re.search(r"`(\w+(?: <- \w+)+)`", (DOCS / "architecture.md").read_text())

    assert drawn
    assert drawn[1].split(" <- ") == there


def test_variables_of_other_exporters_are_in_the_configuration_page() -> None:
    text = (DOCS / "configuration.md").read_text()

    assert [name for name in (*PLAIN, *LIBPQ) if f"`{name}`" not in text] == []


def test_every_dependency_has_its_reason() -> None:
    project = PYPROJECT["project"]
    wanted = [
        *project["dependencies"],
        *(r for extra in project["optional-dependencies"].values() for r in extra),
    ]
    names = {re.split(r"[><=;]", requirement)[0].strip() for requirement in wanted}
    text = (DOCS / "decisions" / "0001-dependencies.md").read_text()
    rows = re.findall(r"^\| ([a-z].*?) \| (?!why)", text, re.MULTILINE)

    assert {name for row in rows for name in row.split(", ")} <= names
    assert [
        name for name in sorted(names) if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)
    ] == []
    assert [requirement for requirement in wanted if ">=" not in requirement] == PINNED


def test_every_decision_is_listed() -> None:
    index = DOCS / "decisions" / "README.md"
    listed = [path for path, _ in links(index)]

    assert listed == sorted(p.name for p in index.parent.glob("[0-9]*.md"))


def test_a_name_that_is_not_there_yet_is_not_ours() -> None:
    ours = {m.name for named in COLLECTORS.values() for m in named.spec.metrics}

    assert ours.isdisjoint(absent_names())
