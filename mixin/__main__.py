"""`python -m mixin` writes all that is generated; `--check` says what is out of date.

A generator is a function that returns the text of each of its files: add it to GENERATORS.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mixin import dashboards, runbooks
from mixin.rules import ROOT

Generator = Callable[[], Mapping[Path, str]]
GENERATORS: Sequence[Generator] = (dashboards.generate, runbooks.generate)


def stale(generators: Sequence[Generator]) -> dict[Path, str]:
    """The files whose text is not what the generators say, with the text that belongs there."""
    wanted = {path: text for generator in generators for path, text in generator().items()}
    return {path: text for path, text in wanted.items() if not path.exists() or path.read_text() != text}


def main(arguments: Sequence[str] | None = None, generators: Sequence[Generator] = GENERATORS) -> int:
    """Runs the command; 1 if `--check` found something."""
    parser = argparse.ArgumentParser(
        "python -m mixin", description="Writes all that is generated from the rules."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; list what is out of date, and fail"
    )
    check: bool = parser.parse_args(arguments).check
    found = stale(generators)
    for path, text in found.items():
        print(f"{'out of date' if check else 'written'}: {path.relative_to(ROOT)}")  # noqa: T201 - its output
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
