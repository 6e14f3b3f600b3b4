"""Coordinator: settles clashes, turns strong insights into tasks, and asks a person where one must decide.

It never books. It cannot go round in circles with the Scheduler: a conflict that follows a decision (`again`) is never
decided here but becomes a need, so each wish leads to at most one decision of its own before a person is asked.

    conflict   for each person: one decision that names a free slot, or one need
    insight    a task, a need, or nothing
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents import offline
from agents.answers import clipped, matched, prompt
from agents.kinds import Conflict, Insight, Task
from agents.schemas import Rulings, Step, Steps
from blackboard.agent_definition import Context, agent, strongest_of
from blackboard.conditions import strength
from blackboard.marks import Decision, Mark, Need

__all__ = ["coordinator"]


@agent(
    watches={"conflict": strength(Conflict) >= 0.3, "insight": strength(Insight) >= 0.7},
    reads=[strongest_of(Task, 5)],
    writes=[Decision, Task, Need],
    kinds=[Conflict, Insight],
    batch=10,
    batch_window="5s",
)
def coordinator(marks: Sequence[Mark], context: Context) -> list[Mark]:
    """A decision or a need for each person with a conflict; a task or a need for an insight that calls for one."""
    if context.watch == "insight":
        return priorities([mark for mark in marks if isinstance(mark, Insight)], context)
    return settled([mark for mark in marks if isinstance(mark, Conflict)], context)


def settled(conflicts: Sequence[Conflict], context: Context) -> list[Mark]:
    """One decision or one need for each person: one meeting settles all that is open with them."""
    first: dict[str, Conflict] = {}
    for mark in sorted(conflicts, key=lambda mark: (not mark.again, -mark.intensity, mark.id)):
        first.setdefault(mark.subject, mark)
    left: list[Mark] = [_need(mark, "") for mark in first.values() if mark.again or not mark.free]
    clashing = [mark for mark in first.values() if mark.free and not mark.again]
    if clashing:
        data = {"conflicts": [_conflict_row(mark) for mark in clashing]}
        answer = context.ask(prompt("conflicts"), data, Rulings, offline.conflicts)
        for mark, ruling in matched(clashing, answer.rulings):
            offered = ruling.slot in mark.free
            left.append(_decision(mark, ruling.slot or "") if offered else _need(mark, ruling.note))
    return left


def priorities(insights: Sequence[Insight], context: Context) -> list[Mark]:
    """Tasks and needs that follow from insights."""
    if not insights:
        return []
    data: dict[str, Any] = {
        "insights": [{"id": mark.id, "pattern": mark.pattern, "outcomes": len(mark.evidence)} for mark in insights]
    }
    if tasks := [task.todo for task in context.read(Task)]:
        data["tasks"] = tasks
    answer = context.ask(prompt("insights"), data, Steps, offline.insights)
    return [_step(mark, step) for mark, step in matched(insights, answer.rulings) if step.task.strip()]


def _step(mark: Insight, step: Step) -> Mark:
    todo = clipped(step.task, 200)
    if step.ask:
        return Need(subject=mark.subject, question=todo, detail=mark.pattern)
    return Task(subject=mark.subject, todo=todo, insight=mark.id)


def _conflict_row(mark: Conflict) -> dict[str, Any]:
    row = {"id": mark.id, "score": round(mark.intensity, 2), "wanted": mark.wanted, "why": mark.reason}
    return {**row, "free": mark.free}


def _decision(mark: Conflict, slot: str) -> Decision:
    # No word of the model's goes in: the Scheduler reads the text as it reads a person's.
    return Decision(subject=mark.subject, answer=f"Offer {slot}")


def _need(mark: Conflict, note: str) -> Need:
    who = mark.who or mark.subject
    asked = f"asked for {' or '.join(mark.wanted)}" if mark.wanted else ""
    return Need(
        subject=mark.subject,
        question=clipped(note, 200) or f"When shall we meet {who}? {mark.reason[:1].upper()}{mark.reason[1:]}.",
        options=mark.free,
        detail="; ".join(part for part in (mark.about, asked) if part),
    )
