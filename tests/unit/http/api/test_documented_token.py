"""The token that docs/api.md shows how to make is one that is accepted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from exporter.http.api.tokens import Role, Tokens
from exporter.settings.sections import Api as Options
from tests.docs.generated import DOCS
from tests.docs.prose import blocks


def test_the_token_of_the_documentation(tmp_path: Path) -> None:
    secret = tmp_path / "api-key"
    secret.write_text("s" * 32 + "\n")
    (block,) = blocks(DOCS / "api.md", "python")

    made = subprocess.run(
        [sys.executable, "-c", block.text.replace("/run/secrets/api-key", str(secret))],
        capture_output=True,
        check=True,
        text=True,
    )

    assert Tokens.read(Options(jwt_secret_file=secret)).caller(made.stdout.strip()).role is Role.VIEWER
