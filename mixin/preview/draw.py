"""From captured answers to a picture: npm's packages, a bundle, and headless Chromium."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mixin.preview import layout
from mixin.rules import ROOT

HERE = Path(__file__).parent
CACHE = ROOT / ".cache" / "preview"
SCREEN = 900
PACKAGES = ("package.json", "package-lock.json")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

PAGE = """<!doctype html><html><head><meta charset="utf-8"><link rel="stylesheet" href="{bundle}/main.css">
<script>window.__grafana_public_path__ = "{icons}/"; window.preview = {data};</script></head>
<body><div id="root"></div><script src="{bundle}/main.js"></script></body></html>"""


class ToolError(Exception):
    """A tool is not there, or failed; the message says which, and what it wrote."""


def prepare() -> None:
    """Gets npm's packages, unless they are there already, and bundles the page.

    Raises:
        ToolError: npm or the bundler failed.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = [CACHE / name for name in PACKAGES]
    wanted = [(HERE / name).read_text() for name in PACKAGES]
    if [path.read_text() if path.exists() else "" for path in kept] != wanted:
        for path, text in zip(kept, wanted, strict=True):
            path.write_text(text)
        try:
            _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], CACHE)
        except ToolError:
            kept[0].unlink()
            raise
        _icons()
    _run(
        [
            str(CACHE / "node_modules" / ".bin" / "esbuild"),
            str(HERE / "page" / "main.tsx"),
            "--bundle",
            "--minify",
            "--jsx=automatic",
            "--loader:.woff=dataurl",
            "--loader:.woff2=dataurl",
            "--loader:.ttf=empty",  # of a code editor that no panel shows
            '--define:process.env.NODE_ENV="production"',
            "--log-level=error",
            f"--outdir={CACHE / 'bundle'}",
        ],
        CACHE,
        NODE_PATH=str(CACHE / "node_modules"),
    )


def draw(captured: Mapping[str, Any], picture: Path, *, first: bool) -> None:
    """Draws a dashboard as PNG, 1600 pixels wide.

    Args:
        captured: what `capture.capture` returned.
        picture: the file to write.
        first: only what is seen on opening: the first 900 lines, closed rows closed; else all of it.

    Raises:
        ToolError: Chromium is not there, or failed.
    """
    found = layout.places(captured["dashboard"], opened=not first)
    high = SCREEN if first else layout.height(found)
    data = {**captured, "places": [_box(place) for place in found]}
    with tempfile.TemporaryDirectory(prefix="preview-") as folder:
        page = Path(folder) / "index.html"
        # "</" would end the script.
        text = json.dumps(data).replace("</", "<\\/")
        page.write_text(PAGE.format(bundle=(CACHE / "bundle").as_uri(), icons=CACHE.as_uri(), data=text))
        shot = Path(folder) / "shot.png"
        _run(_chromium(page, shot, high), Path(folder), HOME=folder)
        picture.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shot, picture)


def _box(place: layout.Place) -> dict[str, Any]:
    box = asdict(place)
    box["panel"] = {key: value for key, value in place.panel.items() if key != "panels"}
    return box


def _chromium(page: Path, shot: Path, high: int) -> list[str]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        raise ToolError("Chromium is not on PATH: `apt-get install chromium`")
    return [
        program,
        "--headless=new",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        "--disable-gpu",
        "--hide-scrollbars",
        "--force-device-scale-factor=1",
        "--allow-file-access-from-files",
        "--virtual-time-budget=5000",
        f"--window-size={layout.WIDTH},{high}",
        f"--screenshot={shot}",
        page.as_uri(),
    ]


def _icons() -> None:
    # Grafana looks for its icons in `build/img` below its public path.
    (CACHE / "build").unlink(missing_ok=True)
    (CACHE / "build").symlink_to(CACHE / "node_modules" / "@grafana" / "ui" / "dist" / "public")


def _run(command: Sequence[str], folder: Path, **environment: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own command lines
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise ToolError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-2000:]}")
