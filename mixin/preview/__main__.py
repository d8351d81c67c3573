"""`python -m mixin.preview`: see `--help`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import time
from typing import Any

from mixin.dashboards import FOLDER
from mixin.preview import draw
from mixin.preview.capture import Window, capture, seconds
from mixin.preview.prometheus import Prometheus


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; 1 if a query failed or a tool is missing."""
    options = _parser().parse_args(arguments)
    failed = False
    try:
        draw.prepare()
        for path in [Path(name) for name in options.dashboard] or sorted(FOLDER.glob("*.json")):
            captured = _captured(path, options)
            for error in errors(captured):
                print(f"{path.stem}: {error}", file=sys.stderr)  # noqa: T201 - its output
                failed = True
            draw.draw(captured, options.out / f"{path.stem}.png", first=False)
            draw.draw(captured, options.out / f"{path.stem}-first.png", first=True)
    except draw.ToolError as error:
        print(error, file=sys.stderr)  # noqa: T201 - its output
        return 1
    return int(failed)


def errors(captured: Mapping[str, Any]) -> Iterator[str]:
    """What Prometheus did not answer: the panel or annotation, the query and why."""
    asked = [
        (captured["titles"][panel], one) for panel, found in captured["answers"].items() for one in found
    ]
    asked += [(annotation["name"], annotation) for annotation in captured["annotations"]]
    for name, answer in asked:
        if "error" in answer:
            yield f"{name}: {answer['error']}: {answer['asked']}"


def _captured(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    kept = options.captures / path.name
    if options.prometheus is None:
        before: dict[str, Any] = json.loads(kept.read_text())
        return {**before, "dashboard": json.loads(path.read_text())}
    dashboard = json.loads(path.read_text())
    shown = seconds(options.range or dashboard["time"]["from"])
    window = Window(options.at - shown, options.at, seconds(options.scrape))
    captured = capture(dashboard, Prometheus(options.prometheus), window, dict(options.var))
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(captured))
    return captured


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m mixin.preview", description="Draws dashboards as PNG.")
    parser.add_argument(
        "--prometheus", metavar="URL", help="ask this Prometheus; else draw what --captures has"
    )
    parser.add_argument(
        "--dashboard", metavar="FILE", action="append", default=[], help="only this one; may be repeated"
    )
    parser.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="where the pictures go")
    parser.add_argument(
        "--captures",
        metavar="FOLDER",
        type=Path,
        default=draw.CACHE / "captures",
        help="where the answers are kept, to draw again without a Prometheus",
    )
    parser.add_argument("--range", metavar="DURATION", help="the time to show, as 15m; else the dashboard's")
    parser.add_argument(
        "--at", metavar="SECONDS", type=float, default=time(), help="its end, Unix time; else now"
    )
    parser.add_argument("--scrape", metavar="DURATION", default="15s", help="the scrape interval")
    parser.add_argument(
        "--var",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=_pair,
        help="what a variable stands for; several values with commas",
    )
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
