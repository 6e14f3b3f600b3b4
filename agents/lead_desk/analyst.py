"""Analyst of the desk: finds patterns in the outcomes of the whole board, in one model call.

Every outcome is evidence for exactly one insight, whatever the model answers: it belongs to the first pattern that
names it, or to the baseline if no pattern does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from blackboard import Context, Mark, agent, count
from lead_desk import offline_rules
from lead_desk.desk_marks import Insight, Qualified, Rejected
from lead_desk.language.text_normalization import clip_text
from lead_desk.model_answers import Pattern, Patterns
from lead_desk.prompts import load_prompt

__all__ = ["BASELINE", "INSIGHT_SUBJECT", "analyst", "divide_evidence"]

BASELINE = "Outcomes without a pattern of their own."
INSIGHT_SUBJECT = "desk"
"""Insights are about the desk as a whole."""
MIN_INTENSITY = 0.2
"""The intensity of a baseline and the minimum of any insight, so that none is deposited below its floor."""


class DividedInsight(NamedTuple):
    """An insight with the outcomes that are evidence for it alone."""

    pattern: str
    weight: float
    evidence: list[int]
    """The mark ids of the outcomes."""


@agent(
    watches={"outcomes": count(Qualified, Rejected, over="board") >= 1},
    writes=[Insight],
    batch=50,
    batch_window="10m",
)
def analyst(marks: Sequence[Mark], context: Context) -> list[Insight]:
    """Return insights whose evidence divides the given outcomes."""
    outcomes = [mark for mark in marks if isinstance(mark, Qualified | Rejected)]
    if not outcomes:
        return []
    data = {"outcomes": [_outcome_data(mark) for mark in outcomes]}
    answer = context.ask(load_prompt("analyst"), data, Patterns, offline_rules.find_patterns)
    return [
        Insight(subject=INSIGHT_SUBJECT, intensity=max(MIN_INTENSITY, weight), pattern=pattern, evidence=evidence)
        for pattern, weight, evidence in divide_evidence([mark.id for mark in outcomes], answer.patterns)
    ]


def divide_evidence(ids: Sequence[int], patterns: Iterable[Pattern]) -> list[DividedInsight]:
    """Divide the ids among the patterns and the baseline. Unknown ids in the patterns are ignored."""
    remaining = dict.fromkeys(ids)
    insights = []
    for pattern in patterns:
        evidence = [number for number in dict.fromkeys(pattern.ids) if number in remaining]
        for number in evidence:
            del remaining[number]
        if evidence:
            insights.append(DividedInsight(clip_text(pattern.pattern, 300) or BASELINE, pattern.weight, evidence))
    if remaining:
        insights.append(DividedInsight(BASELINE, MIN_INTENSITY, list(remaining)))
    return insights


def _outcome_data(mark: Qualified | Rejected) -> dict[str, Any]:
    data: dict[str, Any] = {"id": mark.id, "score": round(mark.score, 2), "why": mark.reason}
    if mark.source:
        data["source"] = mark.source
    return data
