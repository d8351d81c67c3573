"""The figures of docs/analysis.md: `python -m tests.live.analysis.defects`, or `make judge`.

Two minutes on two idle cores. Then `make docs` draws the tables.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from exporter.sources.postgres.plans import PlanOutcome
from tests.live.analysis.defects import survey, trial
from tests.live.analysis.defects.indexes import INDEXES
from tests.live.analysis.defects.judge import document, judge
from tests.servers import DEFAULT_MAJOR, MAJORS, Postgres, require

FILE = Path(__file__).parents[3] / "recorded" / "analysis" / "results.json"


def main() -> int:
    """Does all of it, and writes the figures."""
    with require(Postgres, settings=trial.SETTINGS) as server:
        tried = asyncio.run(trial.trial(server))
    found: dict[str, Any] = {
        "hypopg": DEFAULT_MAJOR,
        "statements": len(tried.asked),
        "indexes": len(INDEXES),
        "drops": len(tried.drops),
        "worse": len(tried.worse),
        "kinds": document(judge(tried.report, tried.asked, tried.better)),
        "plans": {},
        "without_hypopg": {},
    }
    for major in MAJORS:
        with require(Postgres, major, settings=survey.SETTINGS) as server:
            seen = asyncio.run(survey.survey(server, rows=major != DEFAULT_MAJOR))
        outcomes = seen.outcomes
        found["plans"][str(major)] = {"asked": outcomes.total(), "explained": outcomes[PlanOutcome.OK]}
        if major != DEFAULT_MAJOR:
            scores = judge(seen.report, seen.asked, seen.better, of_server=False)
            found["without_hypopg"][str(major)] = document(scores)
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(found, indent=1) + "\n")
    print(f"written: {FILE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
