"""The table of sizes in docs/container.md: what lies in the image, and which packages weigh most."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.deploy.image.dockerfile import ROOT

PAGE = ROOT / "docs" / "container.md"
BEGIN, END = "<!-- sizes: make image-check -->", "<!-- end of sizes -->"
SHOWN = 10


def write(root: Path, layers: Mapping[str, int]) -> None:
    """Writes the table.

    Args:
        root: the image's files.
        layers: compressed bytes of its layers; the first one is the base's.
    """
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(root, layers)}{END}{after}")


def table(root: Path, layers: Mapping[str, int]) -> str:
    """The table's text."""
    venv = root / "opt" / "datastack-exporter"
    packages = next(venv.glob("lib/python3*/site-packages"))
    weights = {path.name: megabytes(path) for path in packages.iterdir() if path.is_dir()}
    heaviest = sorted(weights, key=lambda name: -weights[name])[:SHOWN]
    rows = [
        *((f"`{name}`", weights[name]) for name in heaviest),
        ("other packages", sum(weights.values()) - sum(weights[name] for name in heaviest)),
        ("all of it", megabytes(venv)),
        ("our layers, compressed", sum([*layers.values()][1:]) / 1e6),
    ]
    lines = "".join(f"| {name} | {size:.1f} |\n" for name, size in rows)
    return f"| in /opt/datastack-exporter | MB |\n|---|---:|\n{lines}"


def megabytes(folder: Path) -> float:
    """What the files below a folder hold."""
    return sum(path.lstat().st_size for path in folder.rglob("*")) / 1e6


def shown() -> dict[str, float]:
    """The table as the page has it."""
    text = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    return {name: float(size) for name, size in re.findall(r"\| `?([^|`]+?)`? \| ([\d.]+) \|", text)}
