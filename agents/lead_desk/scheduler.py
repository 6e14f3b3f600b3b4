"""Scheduler of the desk: books qualified leads into a calendar file. It offers free slots, and books only those.

Watches:
    new: a lead qualified. Deposits an appointment, or a conflict if the request cannot be met.
    decided: a decision about a person was deposited. Books the time in the decision, if it is free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any, Literal, Protocol

from blackboard import Context, Decision, Finding, Mark, agent, of_subject, strength, strongest_of
from blackboard.errors import AgentError, ConfigurationError
from lead_desk import offline_rules
from lead_desk.appointment_book import AppointmentBook, MeetingRequest
from lead_desk.calendar.calendar_file import Meeting, find_problems, write_meetings
from lead_desk.desk_marks import Appointment, BookingConflict, Qualified
from lead_desk.desk_settings import DAY_NAMES, SECTIONS, DeskSettings
from lead_desk.free_slots import format_slot
from lead_desk.language.lead_signals import declines
from lead_desk.language.text_normalization import clip_text
from lead_desk.language.time_extraction import extract_times
from lead_desk.model_answers import Pick, Picks, match_answers
from lead_desk.prompts import load_prompt

__all__ = ["examine", "publish", "scheduler"]

MAX_FINDINGS = 100
"""The largest number of problems in the calendar that `doctor` names."""
_NOTHING_FREE = "no slot is free before the horizon"


class AppointmentReader(Protocol):
    """The part of a board reader that `publish` uses."""

    board_id: str
    """The id of the board."""
    former_settings: Sequence[Mapping[str, Any]]
    """The settings with which this process published before, if they differ from the active settings."""

    def marks(self, kind: type[Appointment]) -> Sequence[Appointment]:
        """Return the live marks of a kind."""


def publish(reader: AppointmentReader, settings: Mapping[str, Any]) -> None:
    """Write the appointments on the board to the calendar file as the desk's own events.

    If another file was the calendar before, remove the desk's events from that file.

    Raises:
        AgentError: A file is not a calendar or cannot be written.
        ConfigurationError: The section `[settings.lead_desk]` has mistakes.
    """
    marks = reader.marks(Appointment)
    desk = DeskSettings.from_settings(settings)
    meetings = [_meeting(mark) for mark in marks if isinstance(mark, Appointment)]
    write_meetings(desk.calendar, meetings, reader.board_id, desk.calendar_mode)
    for former in reader.former_settings:
        with suppress(ConfigurationError):  # nothing was published under these
            calendar = DeskSettings.from_settings(former).calendar
            if calendar.resolve() != desk.calendar.resolve():
                write_meetings(calendar, [], reader.board_id)


def examine(settings: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    """Yield the problems of the calendar file, for `doctor`.

    Raises:
        ConfigurationError: The section `[settings.lead_desk]` has mistakes.
    """
    desk = DeskSettings.from_settings(settings)
    if not desk.calendar.exists():
        detail = f"{desk.calendar} does not exist, so it blocks nothing; the first meeting creates it"
        yield Finding("calendar", "note", detail)
        return
    try:
        problems = find_problems(desk.calendar, desk.time_zone, now)
    except AgentError as error:
        yield Finding("calendar", "wrong", str(error), "no meeting is booked until it can be read")
        return
    if len(problems) > MAX_FINDINGS:
        detail = f"{desk.calendar}: {len(problems)} entries cannot be read; the first {MAX_FINDINGS} follow"
        yield Finding("calendar", "note", detail)
    for problem in problems[:MAX_FINDINGS]:
        advice = "correct the event in the program that wrote it, or delete it"
        state: Literal["note", "wrong"] = "note" if problem.is_blocked and not problem.is_partial else "wrong"
        yield Finding("calendar", state, f"{desk.calendar}: {problem}", advice)
    if not problems:
        yield Finding("calendar", "ok", f"{desk.calendar}: every event can be read")


@agent(
    watches={"new": strength(Qualified) >= 0.4, "decided": strength(Decision) >= 0.1},
    reads=[
        strongest_of(Appointment, 1000),
        of_subject(Qualified, 10),
        of_subject(BookingConflict, 10),
        of_subject(Decision, 3),
    ],
    writes=[Appointment, BookingConflict],
    batch=10,
    batch_window="2s",
    publish=publish,
    examine=examine,
    sections=SECTIONS,
)
def scheduler(marks: Sequence[Mark], context: Context) -> list[Mark]:
    """Return an appointment or a conflict for each request that is still open."""
    desk = DeskSettings.from_settings(context.settings)
    book = AppointmentBook(desk, context.now, context.read(Appointment), context.board_id)
    if context.watch == "decided":
        return _book_decided_times([mark for mark in marks if isinstance(mark, Decision)], book, context)
    return _book_leads([mark for mark in marks if isinstance(mark, Qualified)], book, context)


def _book_leads(leads: Sequence[Qualified], book: AppointmentBook, context: Context) -> list[Mark]:
    requests = [MeetingRequest.from_mark(mark) for mark in leads if mark.id not in book.booked_ids]
    decisions = {
        request.subject: decision.answer
        for request in requests
        if (decision := _latest(context.read(Decision, request.subject)))
    }
    impossible = [request for request in requests if not book.slots_to_offer([request])]
    possible = [request for request in requests if request not in impossible]
    return _pick_slots(possible, decisions, book, context) + [
        book.make_conflict(request, _why_impossible(request, book)) for request in impossible
    ]


def _book_decided_times(decisions: Sequence[Decision], book: AppointmentBook, context: Context) -> list[Mark]:
    """Book the times that decisions name; a time that is not free becomes a conflict.

    If a decision names no time, or contains a refusal, a model call picks one of the free slots.
    """
    results: list[Mark] = []
    unclear: dict[str, tuple[MeetingRequest, str]] = {}
    for subject in dict.fromkeys(mark.subject for mark in decisions):
        decision = _latest([mark for mark in decisions if mark.subject == subject])
        request = _open_request(subject, book, context)
        if decision is None or request is None:
            continue
        written_at = decision.deposited_at.astimezone(book.desk.time_zone)
        times = extract_times(decision.answer, written_at, context.now)
        if not times or declines(decision.answer):
            unclear[subject] = (replace(request, times=()), decision.answer)
        elif start := book.first_free(times):
            results.append(book.book(request, start))
        else:
            results.append(book.make_conflict(request, f"the decision names {times[0]}, which is not free"))
    answers = {subject: answer for subject, (_, answer) in unclear.items()}
    return results + _pick_slots([request for request, _ in unclear.values()], answers, book, context)


def _latest(decisions: Sequence[Decision]) -> Decision | None:
    """Return the decision to follow: the newest answer to a need, or else the newest decision."""
    return max(decisions, key=lambda mark: (mark.need is not None, mark.deposited_at, mark.id), default=None)


def _open_request(subject: str, book: AppointmentBook, context: Context) -> MeetingRequest | None:
    """Combine a person's open requests into one, because one meeting covers all of them."""
    marks: list[Qualified | BookingConflict] = [
        *context.read(Qualified, subject),
        *context.read(BookingConflict, subject),
    ]
    requests = {
        request.qualified_id: request for request in reversed([MeetingRequest.from_mark(mark) for mark in marks])
    }
    waiting = [request for request in requests.values() if request.qualified_id not in book.booked_ids]
    if not waiting:
        return None
    first = max(waiting, key=lambda request: (request.intensity, -request.qualified_id))
    others = {request.qualified_id for request in waiting} - {first.qualified_id}
    return replace(first, also_ids=tuple(sorted(others)), again=True)


def _pick_slots(
    requests: Sequence[MeetingRequest], decisions: Mapping[str, str], book: AppointmentBook, context: Context
) -> list[Mark]:
    """Book the slots that one model call picks. Each request gets only a slot that was offered to it."""
    if not requests:
        return []
    offer = {format_slot(start): start for start in book.slots_to_offer(requests)}
    if not offer:
        return [book.make_conflict(request, _NOTHING_FREE) for request in requests]
    allowed = {request.id: book.suitable_slots(request) or list(offer.values()) for request in requests}
    data = {
        "free": _group_by_day(list(offer.values())),
        "asks": [_request_data(request, decisions.get(request.subject), book) for request in requests],
    }
    answer = context.ask(load_prompt("scheduler"), data, Picks, offline_rules.pick_slots)
    appointments: list[Mark] = []
    failed: list[tuple[MeetingRequest, str]] = []
    for request, pick in match_answers(requests, answer.picks):
        start = offer.get(pick.slot or "")
        if start in allowed[request.id] and start in book.free:
            appointments.append(book.book(request, start))
        elif pick.slot or pick.clash or not request.again:  # a decision against a meeting is not a conflict
            failed.append((request, _why_failed(pick)))
    return appointments + [book.make_conflict(request, reason) for request, reason in failed]


def _why_impossible(request: MeetingRequest, book: AppointmentBook) -> str:
    times = ", ".join(map(str, book.requested_times(request)))
    if book.is_beyond_horizon(request):
        return f"{times} is farther ahead than meetings are booked"
    return f"no free slot at {times}" if times else _NOTHING_FREE


def _why_failed(pick: Pick) -> str:
    if pick.slot:
        return f"{clip_text(pick.slot, 20)} is not free for this"
    return clip_text(pick.clash, 200) or "nothing free fits"


def _request_data(request: MeetingRequest, decision: str | None, book: AppointmentBook) -> dict[str, Any]:
    data: dict[str, Any] = {"id": request.id}
    times, slots = book.requested_times(request), book.suitable_slots(request)
    if any(time.end is None for time in times):
        data["times"] = [format_slot(start) for start in slots]
    elif slots:
        data["times"] = [str(time) for time in times]
    elif request.about and not request.again:
        data["wants"] = request.about
    if decision:  # if the decision woke the agent, it is the question itself, and else only context
        data["said" if request.again else "decided_before"] = clip_text(decision, 300)
    return data


def _group_by_day(starts: Sequence[datetime]) -> dict[str, str]:
    """Return starts in few characters: `{"Wed 2026-03-04": "09:00 09:30"}`."""
    days = groupby(starts, key=lambda start: f"{DAY_NAMES[start.weekday()].title()} {start:%Y-%m-%d}")
    return {day: " ".join(f"{start:%H:%M}" for start in group) for day, group in days}


def _meeting(mark: Appointment) -> Meeting:
    return Meeting(
        id=mark.id,
        start=datetime.fromisoformat(mark.slot),
        end=datetime.fromisoformat(mark.ends),
        title=f"Meeting with {mark.who or mark.subject}",
        about=f"{mark.about}\n{mark.subject}".strip(),
        booked_at=mark.deposited_at,
    )
