"""Password files that others may read."""

from __future__ import annotations

from pathlib import Path

from exporter.doctor.files import examine


def test_a_file_that_every_user_may_read(tmp_path: Path) -> None:
    wide, narrow = tmp_path / "it's wide", tmp_path / "narrow"
    for file, mode in ((wide, 0o644), (narrow, 0o640)):
        file.write_text("pw")
        file.chmod(mode)
    files = [
        ("postgres.password_file", wide),
        ("redis.password_file", narrow),
        ("x", tmp_path / "gone"),
        ("y", None),
    ]
    (finding,) = examine(files)

    assert finding.severity == "advice"
    assert finding.what == f"postgres.password_file: every user may read {wide}"
    assert finding.remedy == f"""chmod o-r '{tmp_path}/it'"'"'s wide'"""
