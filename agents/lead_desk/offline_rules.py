"""Deterministic rules that answer the agents' calls if there is no model.

Each function takes the data of one call and returns its answer. The same data always gives the same answer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from lead_desk.language import lead_signals
from lead_desk.language.lead_signals import matches
from lead_desk.language.prompt_injection import has_injection
from lead_desk.language.requested_time import parse_requested_time
from lead_desk.language.text_normalization import clip_text
from lead_desk.language.time_extraction import extract_times
from lead_desk.model_answers import (
    Pattern,
    Patterns,
    Pick,
    Picks,
    PlannedStep,
    Ruling,
    Rulings,
    Steps,
    Verdict,
    Verdicts,
)

__all__ = ["decide_conflicts", "find_patterns", "judge_leads", "pick_slots", "plan_tasks"]

PromptData = Mapping[str, Any]

_POSITIVE_SIGNALS = (
    (lead_signals.INTENT, 0.3, "asks for something we sell"),
    (lead_signals.BUDGET, 0.15, "names a budget"),
    (lead_signals.VOLUME, 0.1, "names a size"),
    (lead_signals.URGENT, 0.05, "is in a hurry"),
)
_NEGATIVE_SIGNALS = (
    (lead_signals.SPAM, 0.04, "spam"),
    (lead_signals.SELLER, 0.1, "seller"),
    (lead_signals.JOB, 0.12, "job seeker"),
    (lead_signals.COMPLAINT, 0.25, "support"),
)
_SENTENCE_END = re.compile(r"(?<=[.!?;\n])\s{1,9}")
VALUABLE_SCORE = 0.85
"""The score from which a person decides a conflict."""
_ATTACK = "attack on the prompt"
_UTC = ZoneInfo("UTC")


def judge_leads(data: PromptData) -> Verdicts:
    """Score each lead by the signals in its message."""
    _, day, clock, zone = str(data["now"]).split()
    now = datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), ZoneInfo(zone))
    return Verdicts(verdicts=[_verdict(lead, now) for lead in data["leads"]])


def _verdict(lead: PromptData, now: datetime) -> Verdict:
    sentences = [part for part in _SENTENCE_END.split(lead["message"]) if part.strip()]
    text = " ".join(part for part in sentences if not has_injection(part))  # sentences to the model do not count
    written_at = datetime.combine(date.fromisoformat(lead["on"]), time.min, now.tzinfo) if "on" in lead else now
    times = [str(requested) for requested in extract_times(text, written_at, now)]
    attacked, company = has_injection(lead["message"]), bool(lead.get("company"))
    score, reason = _score(text, attacked=attacked, company=company, times=times)
    wants = next((part for part in _SENTENCE_END.split(text) if matches(lead_signals.INTENT, part)), text)
    return Verdict(id=lead["id"], score=score, reason=reason, wants=clip_text(wants.rstrip(" ;,:"), 80), times=times)


def _score(text: str, *, attacked: bool, company: bool, times: list[str]) -> tuple[float, str]:
    """Return how promising a lead is, from 0 to 1, and the reason."""
    for signal, score, reason in _NEGATIVE_SIGNALS:
        if matches(signal, text):
            return score, reason
    if matches(lead_signals.TEST, text) and len(text) < 80:
        return 0.05, "test"
    if sum(letter.isalpha() for letter in text) < 12:
        return (0.05, _ATTACK) if attacked else (0.1, "says too little")
    reasons = [(weight, words) for signal, weight, words in _POSITIVE_SIGNALS if matches(signal, text)]
    if company:
        reasons.append((0.05, "names a company"))
    if times:
        reasons.append((0.1, "names a time to meet"))
    score = round(0.2 + sum(weight for weight, _ in reasons) - (0.1 if attacked else 0.0), 2)
    if score < 0.5:
        return score, _ATTACK if attacked else "no clear interest"
    return score, "; ".join([*(words for _, words in reasons), *(["tried to give orders"] if attacked else [])])


def pick_slots(data: PromptData) -> Picks:
    """Pick for each request the first free slot that suits it; no slot twice."""
    free = [f"{day.split()[1]}T{clock}" for day, clocks in data["free"].items() for clock in clocks.split()]
    picks = []
    for request in data["asks"]:
        slot, clash = _pick(request, free)
        if slot:
            free.remove(slot)
        picks.append(Pick(id=request["id"], slot=slot, clash=clash))
    return Picks(picks=picks)


def _pick(request: PromptData, free: list[str]) -> tuple[str | None, str]:
    if times := request.get("times"):
        slot = next((slot for requested in times for slot in free if _is_suitable(slot, requested)), None)
        return slot, "" if slot else f"{', '.join(times)} is taken"
    decision = request.get("said", "")
    if decision and not matches(lead_signals.EARLIEST, decision):
        return None, "" if lead_signals.declines(decision) else "the decision names no time"
    return (free[0], "") if free else (None, "nothing is free")


def _is_suitable(slot: str, requested: str) -> bool:
    start, wanted = parse_requested_time(slot, _UTC), parse_requested_time(requested, _UTC)
    if start is None or wanted is None:
        return False
    return start.start == wanted.start if wanted.end is None else wanted.start <= start.start < wanted.end


def find_patterns(data: PromptData) -> Patterns:
    """Group rejected leads by reason and qualified leads by source; groups of three and more are patterns."""
    groups: dict[tuple[bool, str], list[PromptData]] = defaultdict(list)
    for row in data["outcomes"]:
        good = row["score"] >= 0.5
        groups[good, row.get("source", "") if good else row["why"].split(";")[0]].append(row)
    total = len(data["outcomes"])
    patterns = []
    for (good, label), rows in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(rows) < 3 or not label:
            continue
        share = len(rows) / total
        what = "qualified and came from" if good else "were rejected for"
        weight = round(min(0.95, share + (0.4 if good else 0.7 if label == _ATTACK else 0.55)), 2)
        patterns.append(
            Pattern(pattern=f"{len(rows)} of {total} {what}: {label}", ids=[row["id"] for row in rows], weight=weight)
        )
    return Patterns(patterns=patterns)


def decide_conflicts(data: PromptData) -> Rulings:
    """Offer the free slot nearest to the first requested time, or ask a person about a very valuable lead."""
    offered: set[str] = set()
    rulings = []
    for conflict in data["conflicts"]:
        rulings.append(_ruling(conflict, [slot for slot in conflict["free"] if slot not in offered]))
        offered.add(rulings[-1].slot or "")
    return Rulings(rulings=rulings)


def _ruling(conflict: PromptData, free: list[str]) -> Ruling:
    if not free:
        return Ruling(id=conflict["id"], slot=None, note="")
    if conflict["score"] >= VALUABLE_SCORE:
        return Ruling(id=conflict["id"], slot=None, note=f"A valuable lead clashes ({conflict['why']}). Who moves?")
    parsed = (parse_requested_time(text, _UTC) for text in conflict["wanted"])
    starts = {slot: start.start for slot in free if (start := parse_requested_time(slot, _UTC))}
    target = next((requested.start for requested in parsed if requested), min(starts.values()))
    return Ruling(id=conflict["id"], slot=min(starts, key=lambda slot: abs(starts[slot] - target)), note="")


def plan_tasks(data: PromptData) -> Steps:
    """Return a step for each insight; its task is empty unless the pattern needs action."""
    return Steps(steps=[_step(insight) for insight in data["insights"]])


def _step(insight: PromptData) -> PlannedStep:
    pattern = insight["pattern"]
    share, _, label = pattern.partition(": ")
    if label == _ATTACK:
        task = f"Decide whether to block a form that is being attacked: {pattern}"
        return PlannedStep(id=insight["id"], task=task, ask=True)
    if "rejected" in share:
        return PlannedStep(
            id=insight["id"], task=f"Keep enquiries such as '{label}' out with the form itself", ask=False
        )
    if "qualified" in share:
        return PlannedStep(id=insight["id"], task=f"Answer leads from {label} first", ask=False)
    return PlannedStep(id=insight["id"], task="", ask=False)
