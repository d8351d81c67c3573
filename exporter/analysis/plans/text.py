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
AGGREGATES = {"Hashed": "HashAggregate", "Sorted": "GroupAggregate", "Mixed": "MixedAggregate"}


def plan_lines(plan: Mapping[str, Any], indent: int = 0) -> Iterator[str]:
    """The lines of a plan and of those below it.

    Args:
        plan: EXPLAIN's `Plan` object, redacted where it is shown to anybody.
        indent: blanks before the node.
    """
    arrow = "->  " if indent else ""
    subplan = f"{plan['Subplan Name']}: " if "Subplan Name" in plan else ""
    yield f"{' ' * indent}{arrow}{subplan}{_name(plan)}  ({_figures(plan)})"
    below = indent + (6 if indent else 2)
    yield from (
        f"{' ' * below}{name}: {plan[name]}" for name in (*CONDITIONS, "Workers Planned") if name in plan
    )
    yield from (f"{' ' * below}{name}: {', '.join(map(str, plan[name]))}" for name in LISTS if name in plan)
    for child in plan.get("Plans", ()):
        yield from plan_lines(child, below)


def _name(plan: Mapping[str, Any]) -> str:
    """`Parallel Index Scan Backward using orders_pkey on public.orders o`."""
    words = ["Parallel"] if plan.get("Parallel Aware") else []
    words.append(_node(plan))
    if plan.get("Scan Direction") == "Backward":
        words.append("Backward")
    if "Index Name" in plan:
        bitmap = plan.get("Node Type") == "Bitmap Index Scan"
        words += ["on" if bitmap else "using", str(plan["Index Name"])]
    relation = plan.get("Relation Name") or plan.get("CTE Name") or plan.get("Function Name")
    if relation:
        schema = f"{plan['Schema']}." if plan.get("Schema") else ""
        words += ["on", f"{schema}{relation}"]
    if plan.get("Alias", relation) != relation:
        words.append(str(plan["Alias"]))
    return " ".join(words)


def _node(plan: Mapping[str, Any]) -> str:
    """The node as EXPLAIN's text names it: it puts together what JSON has in several keys."""
    kind, join = str(plan.get("Node Type", "?")), plan.get("Join Type", "Inner")
    if plan.get("Operation"):
        return str(plan["Operation"])
    if join != "Inner":
        return f"{kind.removesuffix(' Join')} {join} Join"
    if kind == "Aggregate":
        mode = f"{plan['Partial Mode']} " if plan.get("Partial Mode", "Simple") != "Simple" else ""
        return f"{mode}{AGGREGATES.get(plan.get('Strategy', ''), kind)}"
    return kind


def _figures(plan: Mapping[str, Any]) -> str:
    cost = f"cost={plan.get('Startup Cost', 0):.2f}..{plan.get('Total Cost', 0):.2f}"
    return f"{cost} rows={plan.get('Plan Rows', 0)} width={plan.get('Plan Width', 0)}"
