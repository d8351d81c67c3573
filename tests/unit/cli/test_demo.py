"""What the demo says at its start."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from exporter.cli import demo, main
from exporter.settings import load_settings


@pytest.mark.parametrize("called", [".venv/bin/datastack-exporter", "/somewhere/exporter/__main__.py"])
def test_the_line_for_the_analysis_can_be_pasted(
    called: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", [called, "demo"])
    config = tmp_path / "it's not there.yml"
    demo._greet(load_settings([], {}, {}), config)
    (line,) = (line for line in capsys.readouterr().out.splitlines() if " analyze " in line)
    _, program, *argv = shlex.split(line)

    assert program == (called if called.endswith("exporter") else "datastack-exporter")
    assert main(argv) == 2
    wrong = capsys.readouterr().err.splitlines()[1:]
    assert len(wrong) == 1, "only the file is missing: the options are right"
    assert str(config) in wrong[0]
