"""What the builder gets of a checkout: what the Dockerfile copies, and nothing that has no business there."""

from __future__ import annotations

from tests.deploy.image import context
from tests.deploy.image.dockerfile import ROOT, stages

NEVER = [
    *(
        ".env",
        ".git/config",
        ".git/HEAD",
        ".gitignore",
        ".github/workflows/ci.yml",
        ".venv/bin/python",
        ".cache/x",
    ),
    *(
        "tests/conftest.py",
        "docs/container.md",
        "mixin/__main__.py",
        "grafana/x.json",
        "Makefile",
        "dist/x.whl",
    ),
    *("deploy/compose/secrets/password", "deploy/compose/compose.yml", "deploy/kubernetes/base/secret.yaml"),
    *("web.key", "id_rsa", "exporter/.env", "exporter/cli/.secret", "deploy/image/.env", "exporter/x.pyc"),
    *("exporter/__pycache__/log.cpython-311.pyc", "exporter/cli/__pycache__/x.py"),
]
WANTED = [
    *("pyproject.toml", "README.md", "LICENSE", "exporter/__init__.py", "exporter/py.typed"),
    *(
        "exporter/cli/_report.html.j2",
        "requirements/image.txt",
        "requirements/build.txt",
        "deploy/image/sbom.py",
    ),
]


def test_what_is_left_out_and_what_goes_in():
    rules = context.patterns()
    assert [name for name in NEVER if context.kept(name, rules)] == []
    assert [name for name in WANTED if not context.kept(name, rules)] == []


def test_each_file_of_the_context_is_below_something_that_is_copied():
    sources = [
        word.rstrip("/")
        for stage in stages()
        for step in stage.all("COPY")
        if "--from=" not in step.text
        for word in step.words[:-1]
    ]
    for source in sources:
        assert (ROOT / source).exists(), source
    folders = {source if (ROOT / source).is_dir() else source.rpartition("/")[0] for source in sources}
    strays = [
        name
        for name in context.files()
        if name not in sources and not any(folder and name.startswith(f"{folder}/") for folder in folders)
    ]
    assert strays == []


def test_the_last_rule_decides_and_stars_stay_in_their_folder():
    rules = context.patterns("*\n!a\na/*\n!a/keep\n**/*.tmp\n# no rule\n")
    found = {
        name: context.kept(name, rules)
        for name in ("a/x", "a/keep/y", "a/keep/z.tmp", "b", "keep", "a/x/keep")
    }
    assert found == {
        "a/x": False,
        "a/keep/y": True,
        "a/keep/z.tmp": False,
        "b": False,
        "keep": False,
        "a/x/keep": False,
    }
