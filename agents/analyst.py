"""Analyst: tells patterns from the outcomes of the whole board, in one call. It judges no lead and decides nothing.

Every outcome is evidence for exactly one insight, whatever a model says: the first pattern that names it keeps it, and
what no pattern names goes into a baseline.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agents import offline
from agents.answers import clipped, prompt
from agents.kinds import Insight, Qualified, Rejected
from agents.schemas import Pattern, Patterns
from blackboard.agent_definition import Context, agent
from blackboard.conditions import count
from blackboard.marks import Mark

__all__ = ["BASELINE", "analyst", "partition"]

BASELINE = "Outcomes without a pattern of their own."
SUBJECT = "desk"
"""What insights are about: the desk as a whole."""
WEAKEST = 0.2
"""The intensity of a baseline, and the least of any insight, so that none is under its floor when it is left."""


@agent(
    watches={"outcomes": count(Qualified, Rejected, over="board") >= 1},
    writes=[Insight],
    kinds=[Qualified, Rejected],
    batch=50,
    batch_window="10m",
)
def analyst(marks: Sequence[Mark], context: Context) -> list[Insight]:
    """Insights whose evidence divides up the outcomes that it was given."""
    outcomes = [mark for mark in marks if isinstance(mark, Qualified | Rejected)]
    if not outcomes:
        return []
    data = {"outcomes": [_row(mark) for mark in outcomes]}
    answer = context.ask(prompt("analyst"), data, Patterns, offline.analyst)
    return [
        Insight(subject=SUBJECT, intensity=max(WEAKEST, weight), pattern=pattern, evidence=evidence)
        for pattern, weight, evidence in partition([mark.id for mark in outcomes], answer.insights)
    ]


def partition(given: Sequence[int], patterns: Iterable[Pattern]) -> list[tuple[str, float, list[int]]]:
    """Pattern, weight and evidence of each insight: every given id in exactly one of them, and no other id in any."""
    left = dict.fromkeys(given)
    insights = []
    for item in patterns:
        evidence = [number for number in dict.fromkeys(item.ids) if number in left]
        for number in evidence:
            del left[number]
        if evidence:
            insights.append((clipped(item.pattern, 300) or BASELINE, item.weight, evidence))
    if left:
        insights.append((BASELINE, WEAKEST, list(left)))
    return insights


def _row(mark: Qualified | Rejected) -> dict[str, Any]:
    row: dict[str, Any] = {"id": mark.id, "score": round(mark.score, 2), "why": mark.reason}
    if mark.source:
        row["source"] = mark.source
    return row
