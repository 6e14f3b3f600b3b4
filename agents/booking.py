"""What the Scheduler agent knows while it books: the free slots, who asks, and what was taken. It calls no model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from agents.calendar import Busy, busy
from agents.desk import Desk, utc_text
from agents.kinds import Appointment, Conflict, Qualified
from agents.slots import fitting, free_slots, is_free, minute, nearest_to
from agents.wish import Wish, parse_wish

__all__ = ["Ask", "Book"]

PER_WISH = 3
"""Free slots that are offered for each wish."""
FARTHEST = timedelta(days=90)
"""How far ahead a decision may book: well within the life of an appointment mark, which keeps the slot."""
SPARE = 2
"""Free slots that are offered beyond one for each ask."""


@dataclass(frozen=True)
class Ask:
    """One wish for a meeting, of one person."""

    subject: str
    qualified: int
    lead: int
    intensity: float
    who: str = ""
    about: str = ""
    times: tuple[str, ...] = ()
    also: tuple[int, ...] = ()
    again: bool = False

    @property
    def id(self) -> int:
        """What the models call it by."""
        return self.qualified

    @classmethod
    def of(cls, mark: Qualified | Conflict) -> Ask:
        """The ask that a qualified lead, or a conflict about one, stands for."""
        return cls(
            subject=mark.subject,
            qualified=mark.id if isinstance(mark, Qualified) else mark.qualified,
            lead=mark.lead,
            intensity=mark.intensity,
            who=mark.who,
            about=mark.wants if isinstance(mark, Qualified) else mark.about,
            times=tuple(mark.times if isinstance(mark, Qualified) else mark.wanted),
        )


@dataclass
class Book:
    """The slots of one activation. What it gives away is gone for the rest of it; the database decides in the end."""

    desk: Desk
    now: datetime
    appointments: Sequence[Appointment]
    taken: list[Busy] = field(init=False)
    free: list[datetime] = field(init=False)

    def __post_init__(self) -> None:
        # A day more on both sides: all-day events and long ones reach into the window.
        begin, end = self.now - timedelta(days=1), self.now + timedelta(microseconds=self.desk.horizon, days=1)
        own = [(datetime.fromisoformat(mark.slot), datetime.fromisoformat(mark.ends)) for mark in self.appointments]
        self.taken = busy(self.desk.calendar, begin, end, self.desk.time_zone) + own
        self.free = free_slots(self.desk, self.taken, self.now)

    @property
    def settled(self) -> set[int]:
        """The ids of the qualified marks that have an appointment."""
        return {number for mark in self.appointments for number in (mark.qualified, *mark.also)}

    def wishes(self, ask: Ask) -> list[Wish]:
        """The wishes of an ask that still lie ahead."""
        parsed = [parse_wish(text, self.desk.time_zone) for text in ask.times]
        return [wish for wish in parsed if wish and wish.future(self.now)]

    def fits(self, ask: Ask) -> list[datetime]:
        """The few free slots that meet the wishes of an ask, in the order of its wishes; none if it has no wish."""
        found = [start for wish in self.wishes(ask) for start in fitting(wish, self.free, self.desk.length)[:PER_WISH]]
        return list(dict.fromkeys(found))

    def too_far(self, ask: Ask) -> bool:
        """Whether all that an ask wishes lies beyond the horizon; then nothing near it can be offered either."""
        wishes = self.wishes(ask)
        horizon = self.now + timedelta(microseconds=self.desk.horizon)
        return bool(wishes) and all(wish.start > horizon for wish in wishes)

    def on_offer(self, asks: Sequence[Ask]) -> list[datetime]:
        """The short list for a batch: what fits the wishes, and the earliest slots for those who have none."""
        open_asks = [ask for ask in asks if not self.wishes(ask)]
        earliest = self.free[: len(asks) + SPARE] if open_asks else []
        return sorted({start for ask in asks for start in self.fits(ask)} | set(earliest))

    def decided(self, wishes: Iterable[Wish]) -> datetime | None:
        """The first free slot that a person's words allow.

        An exact time may lie outside the working hours, and beyond the horizon by as much as `FARTHEST`.
        """
        for wish in wishes:
            if found := fitting(wish, self.free if wish.end else self._around(wish.start), self.desk.length):
                return found[0]
        return None

    def _around(self, at: datetime) -> list[datetime]:
        """The free slots at any hour within a day of an instant."""
        if at > self.now + FARTHEST:
            return []
        day = timedelta(days=1)
        since = max(self.now, at - day)
        foreign = busy(self.desk.calendar, since - day, since + 3 * day, self.desk.time_zone)
        return free_slots(self.desk.at_any_hour, self.taken + foreign, since)

    def book(self, ask: Ask, start: datetime) -> Appointment:
        """The appointment, with a conflict in its stead if the slot turns out to be taken when it is written."""
        end = start.astimezone(UTC) + self.desk.length
        self.taken.append((start, end))
        self.free = [other for other in self.free if is_free(other, self.desk.length, [(start, end)])]
        return Appointment(
            subject=ask.subject,
            slot=utc_text(start),
            ends=utc_text(end),
            qualified=ask.qualified,
            lead=ask.lead,
            who=ask.who,
            about=ask.about,
            also=list(ask.also),
        ).or_else(self.clash(ask, f"{minute(start)} was taken meanwhile"))

    def clash(self, ask: Ask, reason: str) -> Conflict:
        """The conflict that an ask ends in, with the free slots nearest to its first wish."""
        wish = next(iter(self.wishes(ask)), None)
        near = [] if self.too_far(ask) else nearest_to(wish, self.free, PER_WISH)
        return Conflict(
            subject=ask.subject,
            intensity=ask.intensity,
            qualified=ask.qualified,
            lead=ask.lead,
            reason=reason,
            wanted=list(ask.times),
            free=[minute(start) for start in near],
            who=ask.who,
            about=ask.about,
            again=ask.again,
        )
