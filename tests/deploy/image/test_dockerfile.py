"""What the Dockerfile says: who runs what on which base, and that its linter has nothing to say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import exporter
from tests.deploy.image.dockerfile import DOCKERFILE, Instruction, Stage, expanded, stages

BASE = re.compile(r"python:3\.11-slim-bookworm@sha256:[0-9a-f]{64}")
SHELL_WORDS = re.compile(r"\b(curl|wget|apt-get|apk|sudo|git)\b")


@pytest.fixture
def last() -> Stage:
    return stages()[-1]


def test_hadolint_has_nothing_to_say():
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_one_base_by_its_digest_for_all_stages():
    first, *others = stages()
    assert BASE.fullmatch(first.base)
    assert not first.steps
    assert {stage.base for stage in others} == {first.name}


def test_the_user_is_a_number_and_stays(last: Stage):
    assert last.one("USER").text == "65532:65532"
    after = last.steps[last.steps.index(last.one("USER")) :]
    assert not {step.keyword for step in after} & {"RUN", "COPY", "ADD"}


def test_commands_are_exec_forms_of_the_program(last: Stage):
    assert last.one("ENTRYPOINT").exec_form == ["datastack-exporter"]
    assert last.one("HEALTHCHECK").exec_form == ["datastack-exporter", "healthcheck"]
    assert not last.all("CMD")


def test_the_port_that_is_exposed_is_the_one_that_is_listened_on(last: Stage):
    variables = {name: value for step in last.all("ENV") for name, value in step.pairs.items()}
    assert variables["EXPORTER_WEB__LISTEN_ADDRESS"] == f":{last.one('EXPOSE').text}"
    assert {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"} <= variables.keys()


def test_labels_come_from_arguments_and_the_version_is_that_of_the_code(last: Stage):
    arguments = {name: value for step in last.all("ARG") for name, value in step.pairs.items()}
    assert arguments["VERSION"] == exporter.__version__
    labels = Instruction("LABEL", expanded(last.one("LABEL").text, arguments)).pairs
    for name in ("version", "revision", "created", "licenses", "title", "description"):
        assert labels[f"org.opencontainers.image.{name}"], name
    assert {"VERSION", "REVISION", "CREATED"} == arguments.keys()


def test_packages_are_installed_by_hash_only_and_nothing_else_is_fetched():
    for stage in stages():
        assert not stage.all("ADD")
        for step in stage.all("RUN"):
            assert not SHELL_WORDS.search(step.text)
            for command in step.text.split("&&"):
                if "pip" in command and " install " in command:
                    assert "--require-hashes" in command or "--no-deps --no-index" in command


def test_no_secret_is_an_argument_or_a_variable():
    for stage in stages():
        for step in (*stage.all("ARG"), *stage.all("ENV")):
            assert not re.search(r"PASSWORD|SECRET|TOKEN|KEY", step.text, re.IGNORECASE)


def test_the_reader_joins_lines_and_leaves_comments_out():
    text = 'FROM a AS b\n# c\nRUN one && \\\n    # d\n    two\nENTRYPOINT ["x", "y z"]\n'
    first, second = stages(text + 'FROM b\nENV A=1 \\\n  B="$A 2"\n')
    assert (first.base, first.name, second.base) == ("a", "b", "b")
    assert first.one("RUN").text == "one && two"
    assert first.one("ENTRYPOINT").exec_form == ["x", "y z"]
    assert second.one("ENV").pairs == {"A": "1", "B": "$A 2"}
    assert expanded("$A/${B}/$C", {"A": "1", "B": "2"}) == "1/2/"
