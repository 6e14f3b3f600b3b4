"""Coordinator of the desk: resolves conflicts, turns insights into tasks, and asks a person what it may not decide.

It never books. It cannot loop with the scheduler: a conflict that follows a decision (`again`) becomes a need, so this
agent decides at most once about a request before it asks a person.

Watches:
    conflict: deposits for each person one decision that names a free slot, or one need.
    insight: deposits for each insight a task, a need, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blackboard import Context, Decision, Mark, Need, agent, strength, strongest_of
from lead_desk import offline_rules
from lead_desk.desk_marks import BookingConflict, Insight, Task
from lead_desk.language.text_normalization import clip_text
from lead_desk.model_answers import PlannedStep, Rulings, Steps, match_answers
from lead_desk.prompts import load_prompt

__all__ = ["coordinator"]


@agent(
    watches={"conflict": strength(BookingConflict) >= 0.3, "insight": strength(Insight) >= 0.7},
    reads=[strongest_of(Task, 5)],
    writes=[Decision, Task, Need],
    batch=10,
    batch_window="5s",
)
def coordinator(marks: Sequence[Mark], context: Context) -> list[Mark]:
    """Return a decision or a need for each person with a conflict, or the tasks and needs for insights."""
    if context.watch == "insight":
        return _plan_tasks([mark for mark in marks if isinstance(mark, Insight)], context)
    return _resolve_conflicts([mark for mark in marks if isinstance(mark, BookingConflict)], context)


def _resolve_conflicts(conflicts: Sequence[BookingConflict], context: Context) -> list[Mark]:
    """Return one decision or one need for each person, because one meeting resolves all conflicts with a person."""
    by_subject: dict[str, BookingConflict] = {}
    for mark in sorted(conflicts, key=lambda mark: (not mark.again, -mark.intensity, mark.id)):
        by_subject.setdefault(mark.subject, mark)
    results: list[Mark] = [_need(mark) for mark in by_subject.values() if mark.again or not mark.free]
    undecided = [mark for mark in by_subject.values() if mark.free and not mark.again]
    if undecided:
        data = {"conflicts": [_conflict_data(mark) for mark in undecided]}
        answer = context.ask(load_prompt("conflicts"), data, Rulings, offline_rules.decide_conflicts)
        for mark, ruling in match_answers(undecided, answer.rulings):
            is_offered = ruling.slot in mark.free
            results.append(_decision(mark, ruling.slot or "") if is_offered else _need(mark, ruling.note))
    return results


def _plan_tasks(insights: Sequence[Insight], context: Context) -> list[Mark]:
    if not insights:
        return []
    data: dict[str, Any] = {
        "insights": [{"id": mark.id, "pattern": mark.pattern, "outcomes": len(mark.evidence)} for mark in insights]
    }
    if tasks := [task.todo for task in context.read(Task)]:
        data["tasks"] = tasks
    answer = context.ask(load_prompt("insights"), data, Steps, offline_rules.plan_tasks)
    return [_task_or_need(mark, step) for mark, step in match_answers(insights, answer.steps) if step.task.strip()]


def _task_or_need(mark: Insight, step: PlannedStep) -> Mark:
    todo = clip_text(step.task, 200)
    if step.ask:
        return Need(subject=mark.subject, question=todo, detail=mark.pattern)
    return Task(subject=mark.subject, todo=todo, insight=mark.id)


def _conflict_data(mark: BookingConflict) -> dict[str, Any]:
    return {
        "id": mark.id,
        "score": round(mark.intensity, 2),
        "wanted": mark.wanted,
        "why": mark.reason,
        "free": mark.free,
    }


def _decision(mark: BookingConflict, slot: str) -> Decision:
    # The text contains no words of the model, because the scheduler reads it like the answer of a person.
    return Decision(subject=mark.subject, answer=f"Offer {slot}")


def _need(mark: BookingConflict, question: str = "") -> Need:
    who = mark.who or mark.subject
    asked = f"asked for {' or '.join(mark.wanted)}" if mark.wanted else ""
    return Need(
        subject=mark.subject,
        question=clip_text(question, 200) or f"When shall we meet {who}? {mark.reason[:1].upper()}{mark.reason[1:]}.",
        options=mark.free,
        detail="; ".join(part for part in (mark.about, asked) if part),
    )
