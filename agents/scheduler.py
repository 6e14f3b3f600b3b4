"""The Scheduler agent: books qualified leads into a real calendar. It offers only free slots and books only those.

new       a lead qualified: an appointment, or a conflict where its wish cannot be met
decided   a decision lies on a person: the time that it names is booked, if it is free
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

from agents import offline
from agents.answers import clipped, matched, prompt
from agents.booking import Ask, Book
from agents.calendar import Meeting, rewrite
from agents.desk import DAYS, Desk
from agents.kinds import Appointment, Conflict, Qualified
from agents.schemas import Pick, Picks
from agents.signals import declines
from agents.slots import minute
from agents.times import wishes
from blackboard.agent_definition import Context, agent, of_subject, strongest_of
from blackboard.conditions import strength
from blackboard.marks import Decision, Mark

__all__ = ["publish", "scheduler"]


_NOTHING = "no slot is free before the horizon"


def publish(reader: Any, settings: Mapping[str, Any]) -> None:
    """Rewrite the desk's own events in the calendar file from the appointments on the board.

    Raises:
        AgentError: the file is not a calendar, or cannot be written.
        ConfigurationError: mistakes in `[settings.desk]`.
    """
    marks = reader.marks(kind=Appointment.kind, limit=None)
    rewrite(Desk.of(settings).calendar, [_meeting(mark) for mark in marks if isinstance(mark, Appointment)])


def _meeting(mark: Appointment) -> Meeting:
    return Meeting(
        id=mark.id,
        start=datetime.fromisoformat(mark.slot),
        end=datetime.fromisoformat(mark.ends),
        title=f"Meeting with {mark.who or mark.subject}",
        about=f"{mark.about}\n{mark.subject}".strip(),
        booked_at=mark.deposited_at,
    )


@agent(
    watches={"new": strength(Qualified) >= 0.4, "decided": strength(Decision) >= 0.1},
    reads=[
        strongest_of(Appointment, 1000),
        of_subject(Qualified, 10),
        of_subject(Conflict, 10),
        of_subject(Decision, 3),
    ],
    writes=[Appointment, Conflict],
    kinds=[Qualified, Decision],
    batch=10,
    batch_window="2s",
    publish=publish,
)
def scheduler(marks: Sequence[Mark], context: Context) -> list[Mark]:
    """An appointment or a conflict for each qualified mark that has neither; what a decision says, where it can be."""
    book = Book(Desk.of(context.settings), context.now, context.read(Appointment))
    if context.watch == "decided":
        return _decided([mark for mark in marks if isinstance(mark, Decision)], book, context)
    asks = [Ask.of(mark) for mark in marks if isinstance(mark, Qualified) and mark.id not in book.settled]
    said = {ask.subject: latest.answer for ask in asks if (latest := _latest(context.read(Decision, ask.subject)))}
    hopeless = [ask for ask in asks if not book.on_offer([ask])]
    return _picked([ask for ask in asks if ask not in hopeless], said, book, context) + [
        book.clash(ask, _why_not(ask, book)) for ask in hopeless
    ]


def _why_not(ask: Ask, book: Book) -> str:
    wished = ", ".join(str(wish) for wish in book.wishes(ask))
    if book.too_far(ask):
        return f"{wished} is farther ahead than meetings are booked"
    return f"no free slot at {wished}" if wished else _NOTHING


def _picked(asks: Sequence[Ask], said: Mapping[str, str], book: Book, context: Context) -> list[Mark]:
    """What one call picks for the asks, held to the slots that each of them was offered."""
    if not asks:
        return []
    offer = {minute(start): start for start in book.on_offer(asks)}
    if not offer:
        return [book.clash(ask, _NOTHING) for ask in asks]
    allowed = {ask.id: book.fits(ask) or list(offer.values()) for ask in asks}
    data = {"free": _by_day(list(offer.values())), "asks": [_row(ask, said.get(ask.subject), book) for ask in asks]}
    answer = context.ask(prompt("scheduler"), data, Picks, offline.scheduler)
    left: list[Mark] = []
    clashes: list[tuple[Ask, str]] = []
    for ask, pick in matched(asks, answer.picks):
        start = offer.get(pick.slot or "")
        if start in allowed[ask.id] and start in book.free:
            left.append(book.book(ask, start))
        elif pick.slot or pick.clash or not ask.again:  # a decision that wants no meeting needs no conflict
            clashes.append((ask, _clash(pick)))
    return left + [book.clash(ask, reason) for ask, reason in clashes]


def _clash(pick: Pick) -> str:
    if pick.slot:
        return f"{clipped(pick.slot, 20)} is not free for this"
    return clipped(pick.clash, 200) or "nothing free fits"


def _row(ask: Ask, said: str | None, book: Book) -> dict[str, Any]:
    row: dict[str, Any] = {"id": ask.qualified}
    fits = book.fits(ask)
    if any(wish.end is None for wish in book.wishes(ask)):
        row["times"] = [minute(start) for start in fits]
    elif fits:
        row["times"] = [str(wish) for wish in book.wishes(ask)]
    elif ask.about and not ask.again:
        row["wants"] = ask.about
    if said:  # the question itself where a decision woke the agent, and no more than context where it did not
        row["said" if ask.again else "decided_before"] = clipped(said, 300)
    return row


def _by_day(starts: Sequence[datetime]) -> dict[str, str]:
    """Starts in few characters: `{"Wed 2026-03-04": "09:00 09:30"}`."""
    days = groupby(starts, key=lambda start: f"{DAYS[start.weekday()].title()} {start:%Y-%m-%d}")
    return {day: " ".join(f"{start:%H:%M}" for start in group) for day, group in days}


def _latest(decisions: Sequence[Decision]) -> Decision | None:
    """The decision that counts: an answer to a need before any other, and the newest of those."""
    return max(decisions, key=lambda mark: (mark.need is not None, mark.deposited_at, mark.id), default=None)


def _decided(decisions: Sequence[Decision], book: Book, context: Context) -> list[Mark]:
    left: list[Mark] = []
    unclear: dict[str, tuple[Ask, str]] = {}
    for subject in dict.fromkeys(mark.subject for mark in decisions):
        decision = _latest([mark for mark in decisions if mark.subject == subject])
        ask = _open(subject, book, context)
        if decision is None or ask is None:
            continue
        named = wishes(decision.answer, decision.deposited_at.astimezone(book.desk.time_zone), context.now)
        if not named or declines(decision.answer):
            unclear[subject] = (replace(ask, times=()), decision.answer)
        elif start := book.decided(named):
            left.append(book.book(ask, start))
        else:
            left.append(book.clash(ask, f"the decision names {named[0]}, which is not free"))
    said = {subject: answer for subject, (_, answer) in unclear.items()}
    return left + _picked([ask for ask, _ in unclear.values()], said, book, context)


def _open(subject: str, book: Book, context: Context) -> Ask | None:
    """What is still to be settled with a person, as one ask: one meeting settles all of it."""
    marks: list[Qualified | Conflict] = [*context.read(Qualified, subject), *context.read(Conflict, subject)]
    asks = {ask.qualified: ask for ask in reversed([Ask.of(mark) for mark in marks])}
    waiting = [ask for ask in asks.values() if ask.qualified not in book.settled]
    if not waiting:
        return None
    first = max(waiting, key=lambda ask: (ask.intensity, -ask.qualified))
    return replace(first, also=tuple(sorted({ask.qualified for ask in waiting} - {first.qualified})), again=True)
