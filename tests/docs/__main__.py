"""Writes what is generated in the documentation: python -m tests.docs, or `make docs`."""

from __future__ import annotations

import sys

from tests.docs.generated import PAGES, generated


def main() -> int:
    """Writes each page whose generated parts have changed, and names it."""
    for page in PAGES:
        text = generated(page)
        if text != page.read_text():
            page.write_text(text)
            print(f"written: {page.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
