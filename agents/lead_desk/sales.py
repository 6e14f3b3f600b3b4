"""Sales agent of the desk: judges leads, and reminds once of a qualified lead that went cold. It books nothing.

Watches:
    new: a lead was deposited. Deposits one verdict for each lead, qualified or rejected.
    cold: a qualified lead faded without an appointment. Deposits one nudge, without a model call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blackboard import Context, Mark, agent, count, strength, strongest_of, watch
from lead_desk import offline_rules
from lead_desk.desk_marks import Appointment, Lead, Nudge, Qualified, Rejected, Task
from lead_desk.desk_settings import SECTIONS, DeskSettings, format_local
from lead_desk.language.prompt_injection import is_suspicious
from lead_desk.language.requested_time import parse_requested_time
from lead_desk.language.submission_time import parse_submission
from lead_desk.language.text_normalization import clip_text
from lead_desk.model_answers import Verdict, Verdicts, match_answers
from lead_desk.prompts import load_prompt

__all__ = ["MAX_MESSAGE_CHARACTERS", "QUALIFYING_SCORE", "sales"]

QUALIFYING_SCORE = 0.5
"""The lowest score of a qualified lead. The prompt states the same number."""
MAX_MESSAGE_CHARACTERS = 1500
"""The largest number of characters of a message that are sent to the model."""


@agent(
    watches={
        "new": strength(Lead) >= 0.1,
        "cold": watch(strength(Qualified) < 0.3, unless=(count(Appointment) >= 1) | (count(Nudge) >= 1)),
    },
    reads=[strongest_of(Task, 3)],
    writes=[Qualified, Rejected, Nudge],
    batch=10,
    batch_window="2s",
    urgent_above=1.5,
    isolate=is_suspicious,
    sections=SECTIONS,
)
def sales(marks: Sequence[Mark], context: Context) -> list[Mark]:
    """Return one verdict for each lead, or one nudge for each person whose lead went cold."""
    if context.watch == "cold":
        return [*_nudge_cold([mark for mark in marks if isinstance(mark, Qualified)])]
    return _judge([mark for mark in marks if isinstance(mark, Lead)], context)


def _nudge_cold(cold: Sequence[Qualified]) -> list[Nudge]:
    """Return one nudge for each person, about the lead with the highest score."""
    by_subject: dict[str, Qualified] = {}
    for mark in sorted(cold, key=lambda mark: (-mark.score, mark.id)):
        by_subject.setdefault(mark.subject, mark)
    return [
        Nudge(
            subject=subject,
            qualified=mark.id,
            text=f"{mark.who or subject} has no appointment yet and goes cold: {mark.wants or mark.reason}",
        )
        for subject, mark in by_subject.items()
    ]


def _judge(leads: Sequence[Lead], context: Context) -> list[Mark]:
    """Return the verdicts of one model call as marks."""
    if not leads:
        return []
    desk = DeskSettings.from_settings(context.settings)
    data = {
        "now": f"{format_local(context.now, desk.time_zone)} {desk.time_zone.key}",
        "leads": [_lead_data(lead, desk, context) for lead in leads],
    }
    if tasks := [task.todo for task in context.read(Task)]:
        data["tasks"] = tasks
    answer = context.ask(load_prompt("sales"), data, Verdicts, offline_rules.judge_leads)
    return [_verdict_mark(lead, verdict, desk, context) for lead, verdict in match_answers(leads, answer.verdicts)]


def _lead_data(lead: Lead, desk: DeskSettings, context: Context) -> dict[str, Any]:
    # Name, address and telephone number are not sent: they are private and say little about the value of a lead.
    data: dict[str, Any] = {"id": lead.id, "message": clip_text(lead.message, MAX_MESSAGE_CHARACTERS)}
    if lead.company:
        data["company"] = clip_text(lead.company, 80)
    if lead.source:
        data["source"] = clip_text(lead.source, 40)
    written_at = parse_submission(lead.submitted_at, lead.deposited_at, desk.time_zone) or lead.deposited_at
    written_on = written_at.astimezone(desk.time_zone).date()
    if written_on != context.now.astimezone(desk.time_zone).date():
        data["on"] = written_on.isoformat()  # so that "tomorrow" means the day after the message was written
    return data


def _verdict_mark(lead: Lead, verdict: Verdict, desk: DeskSettings, context: Context) -> Mark:
    """Return the mark of a verdict: the lead is qualified or rejected."""
    reason = clip_text(verdict.reason, 200)
    source = clip_text(lead.source, 40) if lead.source else None
    if verdict.score < QUALIFYING_SCORE:
        return Rejected(subject=lead.subject, lead=lead.id, score=verdict.score, reason=reason, source=source)
    times = [parse_requested_time(text, desk.time_zone) for text in verdict.times]
    return Qualified(
        subject=lead.subject,
        intensity=verdict.score,
        lead=lead.id,
        score=verdict.score,
        reason=reason,
        wants=clip_text(verdict.wants, 100),
        times=list(dict.fromkeys(str(time) for time in times if time and time.is_ahead(context.now)))[:5],
        who=clip_text(lead.name or "", 80),
        source=source,
    )
