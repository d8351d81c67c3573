"""A plan as people read it, in the manner of EXPLAIN. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

CONDITIONS = (
    "Index Cond",
    "Recheck Cond",
    "Hash Cond",
    "Merge Cond",
    "Join Filter",
    "Filter",
    "One-Time Filter",
    "TID Cond",
)
LISTS = ("Sort Key", "Presorted Key", "Group Key")


def plan_lines(plan: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """The lines of a plan and of those below it.

    Args:
        plan: EXPLAIN's `Plan` object, redacted where it is shown to anybody.
        depth: how deep it stands.
    """
    indent = "  " * depth
    arrow = "->  " if depth else ""
    subplan = f"{plan['Subplan Name']}: " if "Subplan Name" in plan else ""
    yield f"{indent}{arrow}{subplan}{_name(plan)}  ({_figures(plan)})"
    inner = "  " * (depth + (2 if depth else 1))
    yield from (f"{inner}{name}: {plan[name]}" for name in CONDITIONS if name in plan)
    yield from (f"{inner}{name}: {', '.join(map(str, plan[name]))}" for name in LISTS if name in plan)
    for child in plan.get("Plans", ()):
        yield from plan_lines(child, depth + (2 if depth else 1))


def _name(plan: Mapping[str, Any]) -> str:
    """`Index Scan using orders_pkey on public.orders o`."""
    words = [str(plan.get("Node Type", "?"))]
    if plan.get("Operation"):
        words = [str(plan["Operation"])]
    if plan.get("Join Type", "Inner") != "Inner":
        words.append(str(plan["Join Type"]))
    if plan.get("Scan Direction") == "Backward":
        words.append("Backward")
    if "Index Name" in plan:
        words += ["using", str(plan["Index Name"])]
    relation = plan.get("Relation Name") or plan.get("CTE Name") or plan.get("Function Name")
    if relation:
        schema = f"{plan['Schema']}." if plan.get("Schema") else ""
        words += ["on", f"{schema}{relation}"]
    if plan.get("Alias", relation) != relation:
        words.append(str(plan["Alias"]))
    return " ".join(words)


def _figures(plan: Mapping[str, Any]) -> str:
    cost = f"cost={plan.get('Startup Cost', 0):,.2f}..{plan.get('Total Cost', 0):,.2f}"
    return f"{cost} rows={plan.get('Plan Rows', 0):,} width={plan.get('Plan Width', 0)}"
