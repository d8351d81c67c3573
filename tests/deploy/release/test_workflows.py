"""The workflows: GitHub would take them, nothing in them can change under us, rights are the least."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import exporter
from tests.deploy.image.dockerfile import ROOT, stages
from tests.deploy.release import workflows

BIN = Path(sys.executable).parent
ACTION = re.compile(r"^ *(?:- )?uses: [\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$")
IMAGE = re.compile(r"\b(?:debian|moby/buildkit|tonistiigi/binfmt|docker/buildkit-[\w-]+):[\w.-]+\S*")
RULES = "{line-length: {max: 140}, truthy: {check-keys: false}, document-start: disable}"
STYLE = f"{{extends: default, rules: {RULES}}}"


def test_github_and_yamllint_take_them():
    files = [*map(str, workflows.FILES), str(workflows.FOLDER / "dependabot.yml")]
    schema = [str(BIN / "check-jsonschema"), "--builtin-schema"]
    for command in (
        [*schema, "vendor.github-workflows", *files[:-1]],
        [*schema, "vendor.dependabot", files[-1]],
        [str(BIN / "yamllint"), "--strict", "-d", STYLE, *files],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_every_action_is_pinned_by_its_commit_and_says_which_version_that_is():
    lines = [line for path in workflows.FILES for line in path.read_text().splitlines() if "uses:" in line]
    assert len(lines) > 10
    assert [line for line in lines if not ACTION.match(line)] == []
    versions: dict[str, set[str]] = {}
    for line in lines:
        action, _, pin = line.split("uses: ")[1].partition("@")
        versions.setdefault(action, set()).add(pin)
    assert {action: pins for action, pins in versions.items() if len(pins) > 1} == {}


def test_every_image_is_pinned_by_its_digest():
    found = [name for path in workflows.FILES for name in IMAGE.findall(path.read_text())]
    assert len(found) >= 4
    assert [name for name in found if not re.search(r"@sha256:[0-9a-f]{64}$", name)] == []


def test_rights_are_given_by_job_and_only_those_that_it_needs():
    writes = {}
    for path in workflows.FILES:
        assert workflows.load(path)["permissions"] == {}, path.name
    for where, job in workflows.jobs():
        writes[where] = {right for right, level in job["permissions"].items() if level == "write"}
    assert {where: rights for where, rights in writes.items() if rights} == {
        "image.yml: publish": {"packages", "id-token", "attestations"},
        "release.yml: publish": {"id-token", "attestations"},
        "release.yml: notes": {"contents"},
        "scorecard.yml: scorecard": {"id-token", "security-events"},
    }


def test_jobs_end_and_keep_no_credentials():
    for where, job in workflows.jobs():
        assert 0 < job["timeout-minutes"] <= 60, where
    for where, step in workflows.steps():
        if "actions/checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False, where


def test_no_long_lived_secret_and_nothing_of_a_pull_request_in_a_script():
    for path in workflows.FILES:
        text = path.read_text()
        assert "secrets." not in text
        assert "pull_request_target" not in text
    for where, step in workflows.steps():
        assert "${{" not in step.get("run", ""), where


def test_shellcheck_takes_every_script(tmp_path: Path):
    scripts = [step["run"] for _, step in workflows.steps() if "run" in step]
    files = [tmp_path / f"{number}.sh" for number in range(len(scripts))]
    for file, text in zip(files, scripts, strict=True):
        file.write_text(f"#!/usr/bin/env bash\nset -eo pipefail\n{text}")
    done = subprocess.run([BIN / "shellcheck", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_publishes_does_so_for_tags_only():
    for name in ("release.yml",):
        assert workflows.load(workflows.FOLDER / "workflows" / name)["on"] == {"push": {"tags": ["v*"]}}
    publish = workflows.load(workflows.FOLDER / "workflows" / "image.yml")["jobs"]["publish"]
    assert publish["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert publish["needs"] == "try"


def test_the_image_gets_the_arguments_that_its_dockerfile_has():
    (push,) = (s for _, s in workflows.steps() if s.get("with", {}).get("push") is True)
    given = {line.partition("=")[0] for line in push["with"]["build-args"].splitlines()}
    assert given == {name for step in stages()[-1].all("ARG") for name in step.pairs}
    assert push["with"]["provenance"] == "mode=max"
    platforms = workflows.load(workflows.FOLDER / "workflows" / "image.yml")["env"]["PLATFORMS"]
    assert platforms == "linux/amd64,linux/arm64"


@pytest.mark.parametrize(
    ("tag", "heading", "code"),
    [
        (f"v{exporter.__version__}", exporter.__version__, 0),
        ("v99.0.0", "99.0.0", 1),
        (f"v{exporter.__version__}", "99.0.0", 1),
    ],
)
def test_a_release_needs_the_tag_the_code_and_the_changelog_to_agree(
    tag: str, heading: str, code: int, tmp_path: Path
):
    step = workflows.script("release.yml", "build", "The tag is the version of the code and of the changelog")
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## [{heading}] - 2030-01-01\n")
    done = _bash(step, tmp_path, TAG=tag, PYTHONPATH=str(ROOT))
    assert done.returncode == code, done.stderr


def test_the_notes_of_a_release_are_its_part_of_the_changelog(tmp_path: Path):
    step = workflows.script("release.yml", "notes", "A release with the changelog's part")
    parts = "## [Unreleased]\n\nnew\n\n## [1.2.0] - 2030-01-02\n\n- this [1.2.0]\n\n## [1.1.0] - 2030-01-01\n"
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{parts}")
    (tmp_path / "gh").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "gh").chmod(0o755)
    done = _bash(step, tmp_path, TAG="v1.2.0")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "notes.md").read_text().strip() == "- this [1.2.0]"


def _bash(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder}:{BIN}:/usr/bin:/bin"
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
