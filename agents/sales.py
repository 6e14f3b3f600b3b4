"""Sales: judges leads, ten in a call, and nudges once where a qualified lead went cold. It books nothing.

new    a lead lies on the board: one verdict for each, qualified or rejected
cold   a qualified lead has faded without an appointment: one nudge, without a model
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents import offline
from agents.answers import clipped, matched, prompt
from agents.desk import Desk, local_now
from agents.kinds import Appointment, Lead, Nudge, Qualified, Rejected, Task
from agents.schemas import Verdict, Verdicts
from agents.suspicion import looks_like_an_attack
from agents.wish import parse_wish
from blackboard.agent_definition import Context, agent, strongest_of, watch
from blackboard.conditions import count, strength
from blackboard.marks import Mark

__all__ = ["QUALIFIES", "sales"]

QUALIFIES = 0.5
"""The score from which a lead qualifies; the prompt says the same."""
LONGEST = 1500
"""Characters of a message that are sent: what comes after them is not read by people either."""


@agent(
    watches={
        "new": strength(Lead) >= 0.1,
        "cold": watch(strength(Qualified) < 0.3, unless=(count(Appointment) >= 1) | (count(Nudge) >= 1)),
    },
    reads=[strongest_of(Task, 3)],
    writes=[Qualified, Rejected, Nudge],
    kinds=[Lead, Appointment, Task],
    batch=10,
    batch_window="2s",
    urgent_above=1.5,
    isolate=looks_like_an_attack,
)
def sales(marks: Sequence[Mark], context: Context) -> list[Mark]:
    """One qualified or rejected mark for each lead; one nudge for each person who went cold."""
    if context.watch == "cold":
        return [*nudges([mark for mark in marks if isinstance(mark, Qualified)])]
    return judged([mark for mark in marks if isinstance(mark, Lead)], context)


def nudges(cold: Sequence[Qualified]) -> list[Nudge]:
    """One nudge for each person among the marks, for the strongest of theirs."""
    first: dict[str, Qualified] = {}
    for mark in sorted(cold, key=lambda mark: (-mark.score, mark.id)):
        first.setdefault(mark.subject, mark)
    return [
        Nudge(
            subject=subject,
            qualified=mark.id,
            text=f"{mark.who or subject} has no appointment yet and goes cold: {mark.wants or mark.reason}",
        )
        for subject, mark in first.items()
    ]


def judged(leads: Sequence[Lead], context: Context) -> list[Mark]:
    """The verdicts of one call, as marks."""
    if not leads:
        return []
    desk = Desk.of(context.settings)
    data = {
        "now": f"{local_now(desk, context.now)} {desk.time_zone.key}",
        "leads": [_row(lead, desk, context) for lead in leads],
    }
    if tasks := [task.todo for task in context.read(Task)]:
        data["tasks"] = tasks
    answer = context.ask(prompt("sales"), data, Verdicts, offline.sales)
    return [_mark(lead, verdict, desk, context) for lead, verdict in matched(leads, answer.verdicts)]


def _row(lead: Lead, desk: Desk, context: Context) -> dict[str, Any]:
    # Name, address and telephone number say little about a lead's worth, so they never leave the house.
    row: dict[str, Any] = {"id": lead.id, "message": clipped(lead.message, LONGEST)}
    if lead.company:
        row["company"] = clipped(lead.company, 80)
    if lead.source:
        row["source"] = clipped(lead.source, 40)
    written = lead.deposited_at.astimezone(desk.time_zone).date()
    if written != context.now.astimezone(desk.time_zone).date():
        row["on"] = written.isoformat()  # so that "tomorrow" means the day after it was written
    return row


def _mark(lead: Lead, verdict: Verdict, desk: Desk, context: Context) -> Mark:
    reason = clipped(verdict.reason, 200)
    source = clipped(lead.source, 40) if lead.source else None
    if verdict.score < QUALIFIES:
        return Rejected(subject=lead.subject, lead=lead.id, score=verdict.score, reason=reason, source=source)
    wishes = [parse_wish(text, desk.time_zone) for text in verdict.times]
    return Qualified(
        subject=lead.subject,
        intensity=verdict.score,
        lead=lead.id,
        score=verdict.score,
        reason=reason,
        wants=clipped(verdict.wants, 100),
        times=list(dict.fromkeys(str(wish) for wish in wishes if wish and wish.future(context.now)))[:5],
        who=clipped(lead.name or "", 80),
        source=source,
    )
