"""Deterministic rules that answer where there is no model: scores, picks, patterns. They see no more than a model sees.

Each function takes the data of one call and gives the answer of that call. The same data always gives the same answer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from lead_desk import lead_signals
from lead_desk.answer_matching import clipped
from lead_desk.attack_detection import attack_in
from lead_desk.lead_signals import found
from lead_desk.model_answers import Pattern, Patterns, Pick, Picks, Ruling, Rulings, Step, Steps, Verdict, Verdicts
from lead_desk.requested_time import parse_wish
from lead_desk.time_extraction import wishes

__all__ = ["analyst", "conflicts", "insights", "sales", "scheduler"]

Data = Mapping[str, Any]

_FOR = (
    (lead_signals.INTENT, 0.3, "asks for something we sell"),
    (lead_signals.BUDGET, 0.15, "names a budget"),
    (lead_signals.VOLUME, 0.1, "names a size"),
    (lead_signals.URGENT, 0.05, "is in a hurry"),
)
_AGAINST = (
    (lead_signals.SPAM, 0.04, "spam"),
    (lead_signals.SELLER, 0.1, "seller"),
    (lead_signals.JOB, 0.12, "job seeker"),
    (lead_signals.COMPLAINT, 0.25, "support"),
)
_SENTENCE = re.compile(r"(?<=[.!?;\n])\s+")
CHERISHED = 0.85
"""The score from which a clash goes to a person."""
_ATTACK = "attack on the prompt"
_UTC = ZoneInfo("UTC")


def sales(data: Data) -> Verdicts:
    """A verdict for each lead, from what it asks for, names and wishes."""
    _, day, clock, zone = str(data["now"]).split()
    now = datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), ZoneInfo(zone))
    return Verdicts(verdicts=[_verdict(lead, now) for lead in data["leads"]])


def _verdict(lead: Data, now: datetime) -> Verdict:
    sentences = [part for part in _SENTENCE.split(lead["message"]) if part.strip()]
    honest = " ".join(part for part in sentences if not attack_in(part))  # what speaks to a model counts for nothing
    said = datetime.combine(date.fromisoformat(lead["on"]), time.min, now.tzinfo) if "on" in lead else now
    times = [str(wish) for wish in wishes(honest, said, now)]
    score, reason = _scored(honest, attacked=attack_in(lead["message"]), company=bool(lead.get("company")), times=times)
    wants = next((part for part in _SENTENCE.split(honest) if found(lead_signals.INTENT, part)), honest)
    return Verdict(id=lead["id"], score=score, reason=reason, wants=clipped(wants.rstrip(" ;,:"), 80), times=times)


def _scored(text: str, *, attacked: bool, company: bool, times: list[str]) -> tuple[float, str]:
    for signal, score, reason in _AGAINST:
        if found(signal, text):
            return score, reason
    if found(lead_signals.TEST, text) and len(text) < 80:
        return 0.05, "test"
    if sum(letter.isalpha() for letter in text) < 12:
        return (0.05, _ATTACK) if attacked else (0.1, "says too little")
    reasons = [(weight, words) for signal, weight, words in _FOR if found(signal, text)]
    reasons += [(0.05, "names a company")] * company + [(0.1, "names a time to meet")] * bool(times)
    score = round(0.2 + sum(weight for weight, _ in reasons) - 0.1 * attacked, 2)
    if score < 0.5:
        return score, _ATTACK if attacked else "no clear interest"
    return score, "; ".join(words for _, words in reasons) + "; tried to give orders" * attacked


def scheduler(data: Data) -> Picks:
    """For each ask the first free slot that fits its wishes; no slot twice."""
    free = [f"{day.split()[1]}T{clock}" for day, clocks in data["free"].items() for clock in clocks.split()]
    picks = []
    for ask in data["asks"]:
        slot, clash = _choice(ask, free)
        if slot:
            free.remove(slot)
        picks.append(Pick(id=ask["id"], slot=slot, clash=clash))
    return Picks(picks=picks)


def _choice(ask: Data, free: list[str]) -> tuple[str | None, str]:
    if times := ask.get("times"):
        slot = next((slot for wanted in times for slot in free if _allows(wanted, slot)), None)
        return slot, "" if slot else f"{', '.join(times)} is taken"
    said = ask.get("said", "")
    if said and not found(lead_signals.EARLIEST, said):
        return None, "" if lead_signals.declines(said) else "the decision names no time"
    return (free[0], "") if free else (None, "nothing is free")


def _allows(text: str, slot: str) -> bool:
    wish, start = parse_wish(text, _UTC), parse_wish(slot, _UTC)
    if wish is None or start is None:
        return False
    return wish.start == start.start if wish.end is None else wish.start <= start.start < wish.end


def analyst(data: Data) -> Patterns:
    """Rejections grouped by their reason, qualified leads by their source, where at least three are alike."""
    groups: dict[tuple[bool, str], list[Data]] = defaultdict(list)
    for row in data["outcomes"]:
        good = row["score"] >= 0.5
        groups[good, row.get("source", "") if good else row["why"].split(";")[0]].append(row)
    total = len(data["outcomes"])
    found_patterns = []
    for (good, label), rows in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(rows) < 3 or not label:
            continue
        share = len(rows) / total
        what = "qualified and came from" if good else "were rejected for"
        weight = round(min(0.95, share + (0.4 if good else 0.7 if label == _ATTACK else 0.55)), 2)
        found_patterns.append(
            Pattern(pattern=f"{len(rows)} of {total} {what}: {label}", ids=[row["id"] for row in rows], weight=weight)
        )
    return Patterns(insights=found_patterns)


def conflicts(data: Data) -> Rulings:
    """The free slot nearest to the first wish; a person decides about leads that are worth very much."""
    offered: set[str] = set()
    rulings = []
    for conflict in data["conflicts"]:
        rulings.append(_ruling(conflict, [slot for slot in conflict["free"] if slot not in offered]))
        offered.add(rulings[-1].slot or "")
    return Rulings(rulings=rulings)


def _ruling(conflict: Data, free: list[str]) -> Ruling:
    if not free:
        return Ruling(id=conflict["id"], slot=None, note="")
    if conflict["score"] >= CHERISHED:
        return Ruling(id=conflict["id"], slot=None, note=f"A valuable lead clashes ({conflict['why']}). Who moves?")
    wish = next((wish for text in conflict["wanted"] if (wish := parse_wish(text, _UTC))), None)
    starts = {slot: start.start for slot in free if (start := parse_wish(slot, _UTC))}
    aim = wish.start if wish else min(starts.values())
    return Ruling(id=conflict["id"], slot=min(starts, key=lambda slot: abs(starts[slot] - aim)), note="")


def insights(data: Data) -> Steps:
    """A task where a pattern says what to do; nothing otherwise."""
    return Steps(rulings=[_step(insight) for insight in data["insights"]])


def _step(insight: Data) -> Step:
    pattern = insight["pattern"]
    share, _, label = pattern.partition(": ")
    if label == _ATTACK:
        task = f"Decide whether to block a form that is being attacked: {pattern}"
        return Step(id=insight["id"], task=task, ask=True)
    if "rejected" in share:
        return Step(id=insight["id"], task=f"Keep enquiries such as '{label}' out with the form itself", ask=False)
    if "qualified" in share:
        return Step(id=insight["id"], task=f"Answer leads from {label} first", ask=False)
    return Step(id=insight["id"], task="", ask=False)
