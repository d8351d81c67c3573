"""What the carrier's application asks. Texts as psycopg sends them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.live.analysis.defects.asked import Asked
from tests.live.analysis.defects.careless import CARELESS
from tests.live.analysis.defects.healthy import FROM_15, HEALTHY
from tests.live.analysis.defects.wanting import CONTENT, WANTING

LACKING = (*WANTING, *CONTENT)
"""Those that lack an index."""


def every(major: int) -> Sequence[Asked]:
    """All statements that a server understands."""
    return (*LACKING, *CARELESS, *HEALTHY, *(FROM_15 if major >= 15 else ()))
