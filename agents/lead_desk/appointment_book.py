"""The appointment book: requests, the free slots that suit them, and the appointments and conflicts that result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lead_desk.calendar.calendar_file import TimeSpan, read_busy_times
from lead_desk.desk_marks import Appointment, BookingConflict, Qualified
from lead_desk.desk_settings import DeskSettings, format_utc
from lead_desk.free_slots import find_free_slots, format_slot, is_free, matching_slots, nearest_slots
from lead_desk.language.requested_time import RequestedTime, parse_requested_time

__all__ = ["AppointmentBook", "MeetingRequest"]

SLOTS_PER_TIME = 3
"""The number of free slots that are offered for each requested time."""
EXTRA_SLOTS = 2
"""The number of earliest slots that are offered in addition to one for each request."""
MAX_AHEAD = timedelta(days=90)
"""The longest time ahead for which a decision may book. The appointment must live longer, because it keeps the slot."""
DAY = timedelta(days=1)


@dataclass(frozen=True)
class MeetingRequest:
    """A person's request for one meeting."""

    subject: str
    qualified_id: int
    lead_id: int
    intensity: float
    who: str = ""
    about: str = ""
    times: tuple[str, ...] = ()
    also_ids: tuple[int, ...] = ()
    """The other qualified leads of the person that the meeting covers."""
    again: bool = False

    @property
    def id(self) -> int:
        """The id of the request in a model call."""
        return self.qualified_id

    @classmethod
    def from_mark(cls, mark: Qualified | BookingConflict) -> MeetingRequest:
        """Make the request of a qualified lead, or of a conflict about a qualified lead."""
        if isinstance(mark, Qualified):
            qualified_id, about, times = mark.id, mark.wants, mark.times
        else:
            qualified_id, about, times = mark.qualified, mark.about, mark.wanted
        return cls(
            subject=mark.subject,
            qualified_id=qualified_id,
            lead_id=mark.lead,
            intensity=mark.intensity,
            who=mark.who,
            about=about,
            times=tuple(times),
        )


@dataclass
class AppointmentBook:
    """The busy and free times during one activation. Booked slots are removed; the database has the final say."""

    desk: DeskSettings
    now: datetime
    appointments: Sequence[Appointment]
    board_id: str
    busy: list[TimeSpan] = field(init=False)
    free: list[datetime] = field(init=False)

    def __post_init__(self) -> None:
        # Read one more day on both sides, because all-day and long events reach into the window.
        begin, end = self.now - DAY, self.now + self.desk.horizon + DAY
        booked = [(datetime.fromisoformat(mark.slot), datetime.fromisoformat(mark.ends)) for mark in self.appointments]
        self.busy = self._busy_times(begin, end) + booked
        self.free = find_free_slots(self.desk, self.busy, self.now)

    @property
    def booked_ids(self) -> set[int]:
        """The mark ids of the qualified leads that have an appointment."""
        return {number for mark in self.appointments for number in (mark.qualified, *mark.also)}

    def requested_times(self, request: MeetingRequest) -> list[RequestedTime]:
        """Return the requested times that are not over."""
        parsed = [parse_requested_time(text, self.desk.time_zone) for text in request.times]
        return [time for time in parsed if time and time.is_ahead(self.now)]

    def suitable_slots(self, request: MeetingRequest) -> list[datetime]:
        """Return a few free slots for each requested time, in the order of the times."""
        slots = [
            start
            for time in self.requested_times(request)
            for start in matching_slots(time, self.free, self.desk.slot)[:SLOTS_PER_TIME]
        ]
        return list(dict.fromkeys(slots))

    def is_beyond_horizon(self, request: MeetingRequest) -> bool:
        """Return whether all requested times are after the horizon. Then no slot near them can be offered."""
        times = self.requested_times(request)
        horizon = self.now + self.desk.horizon
        return bool(times) and all(time.start > horizon for time in times)

    def slots_to_offer(self, requests: Sequence[MeetingRequest]) -> list[datetime]:
        """Return the slots for one call: all suitable slots, and the earliest ones if a request names no time ahead."""
        any_time = any(not self.requested_times(request) for request in requests)
        earliest = self.free[: len(requests) + EXTRA_SLOTS] if any_time else []
        return sorted({start for request in requests for start in self.suitable_slots(request)} | set(earliest))

    def first_free(self, times: Iterable[RequestedTime]) -> datetime | None:
        """Return the first free slot at the times that a person has decided on.

        An exact time may be outside working hours, and later than the horizon, up to `MAX_AHEAD`.
        """
        for time in times:
            free = self.free if time.end else self._free_around(time.start)
            if slots := matching_slots(time, free, self.desk.slot):
                return slots[0]
        return None

    def book(self, request: MeetingRequest, start: datetime) -> Appointment:
        """Book a slot. If it is taken when the mark is deposited, a conflict is deposited instead."""
        end = start.astimezone(UTC) + self.desk.slot
        self.busy.append((start, end))
        self.free = [other for other in self.free if is_free(other, self.desk.slot, [(start, end)])]
        return Appointment(
            subject=request.subject,
            slot=format_utc(start),
            ends=format_utc(end),
            qualified=request.qualified_id,
            lead=request.lead_id,
            who=request.who,
            about=request.about,
            also=list(request.also_ids),
        ).or_else(self.make_conflict(request, f"{format_slot(start)} was taken meanwhile"))

    def make_conflict(self, request: MeetingRequest, reason: str) -> BookingConflict:
        """Make the conflict of a request, with the free slots nearest to its first requested time."""
        time = next(iter(self.requested_times(request)), None)
        near = [] if self.is_beyond_horizon(request) else nearest_slots(time, self.free, SLOTS_PER_TIME)
        return BookingConflict(
            subject=request.subject,
            intensity=request.intensity,
            qualified=request.qualified_id,
            lead=request.lead_id,
            reason=reason,
            wanted=list(request.times),
            free=[format_slot(start) for start in near],
            who=request.who,
            about=request.about,
            again=request.again,
        )

    def _free_around(self, instant: datetime) -> list[datetime]:
        """Return the free slots at any hour within a day of an instant."""
        if instant > self.now + MAX_AHEAD:
            return []
        since = max(self.now, instant - DAY)
        others = self._busy_times(since - DAY, since + 3 * DAY)
        return find_free_slots(self.desk.open_all_day(), self.busy + others, since)

    def _busy_times(self, begin: datetime, end: datetime) -> list[TimeSpan]:
        return read_busy_times(self.desk.calendar, begin, end, self.desk.time_zone, self.board_id)
