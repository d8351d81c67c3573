"""One version: `exporter/__init__.py` has it, what names it agrees; the changelog keeps its form."""

from __future__ import annotations

import re
from itertools import pairwise

from packaging.version import Version

import exporter
from tests.deploy.image.dockerfile import ROOT

HEADING = re.compile(r"## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})")
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
TAGGED = re.compile(r"\bdatastack-exporter:(\d[\w.-]*)")
TEXTS = (".yml", ".yaml", ".md", ".container", ".service", ".env", ".sh")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_every_image_tag_is_the_version_of_the_code():
    files = [p for folder in ("deploy", "docs") for p in (ROOT / folder).rglob("*") if p.suffix in TEXTS]
    named = {(p.relative_to(ROOT), tag) for p in files for tag in TAGGED.findall(p.read_text())}
    assert named
    assert {(path, tag) for path, tag in named if tag != exporter.__version__} == set()


def test_the_changelog_begins_with_what_is_not_released_or_with_this_version():
    first, *others = re.findall(r"^## .*$", CHANGELOG, re.MULTILINE)
    released = others if first == "## [Unreleased]" else [first, *others]
    found = [HEADING.fullmatch(heading) for heading in released]
    assert all(found), released
    versions = [Version(match[1]) for match in found if match]
    dates = [match[2] for match in found if match]
    assert versions[:1] in ([], [Version(exporter.__version__)])
    assert all(newer > older for newer, older in pairwise(versions))
    assert dates == sorted(dates, reverse=True)


def test_the_changelog_has_known_kinds_and_full_sentences():
    kinds = re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)
    assert kinds
    assert set(kinds) <= KINDS
    entries = re.findall(r"^- (?:.|\n(?!- |#|\n))+", CHANGELOG, re.MULTILINE)
    assert len(entries) > 10
    assert [entry for entry in entries if not entry.rstrip().endswith(".")] == []
