"""The leads and their expected outcome, without randomness: 60 in 100 qualify, and 10 in 100 request a taken slot.

Of ten leads, three request a free time, two qualify without a requested time, one requests a time that is taken in the
calendar, and four are not worth a meeting. Requests never compete, so every system can reach the same outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from lead_desk.desk_marks import Lead

__all__ = ["MAX_LEADS", "OPENING", "ZONE", "Enquiry", "enquiries", "write_calendar"]

OPENING = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""The opening of the desk: a Monday, 10:00 in Berlin."""
ZONE = ZoneInfo("Europe/Berlin")
MAX_LEADS = 100
"""The largest number of leads whose requests do not compete."""

_PATTERN = "frfrofcrro"
"""Ten leads: f requests a free time, c requests a taken time, o qualifies without a requested time, r is rejected."""
_WISHED = ("2026-01-07", "2026-01-08", "2026-01-09", "2026-01-12")
_TAKEN = ("2026-01-13", "2026-01-14", "2026-01-15", "2026-01-16")
_SOURCES = ("website", "ads", "partner", "webinar", "fair", "phone")
_ASKS = (
    "We are looking for a system for {size} users and would like a quote",
    "Please send pricing for {size} seats; we want to switch from spreadsheets",
    "We need licences for {size} employees in two offices and are interested in a demo",
    "Our board asked me to evaluate tools for {size} staff; could you send a proposal",
)
_REJECTED = (
    "We can bring your site to the first page of Google with cheap backlinks, click here for our packages.",
    "Our agency would love to redesign your website; we offer a fixed price and deliver within two weeks.",
    "Dear team, please find my CV attached. I am applying for the job opening in sales and could start soon.",
    "Our last invoice is wrong by some forty euros, please refund the difference to the account that you know.",
    "Just browsing through your pages on a quiet afternoon. Nice colours, keep up the good work over there.",
    "Test of the contact form, please ignore this message.",
    "Hello?",
)


@dataclass(frozen=True)
class Enquiry:
    """A lead with its expected outcome."""

    number: int
    category: str
    message: str
    company: str
    source: str
    wish: str | None
    """The requested local time, such as `2026-01-07T09:00`."""

    @property
    def subject(self) -> str:
        return f"person{self.number}@company{self.number}.example"

    @property
    def qualifies(self) -> bool:
        return self.category != "r"

    @property
    def clashes(self) -> bool:
        return self.category == "c"

    @property
    def mark(self) -> Lead:
        return Lead(subject=self.subject, message=self.message, company=self.company, source=self.source)

    @property
    def data(self) -> dict[str, Any]:
        """The fields for a team of agents; the desk's own prompt contains the same fields."""
        return {"id": self.number, "message": self.message, "company": self.company, "source": self.source}


def enquiries(count: int) -> list[Enquiry]:
    """Return the first `count` leads, at most `MAX_LEADS`."""
    if not 1 <= count <= MAX_LEADS:
        raise ValueError(f"leads: {count} is not between 1 and {MAX_LEADS}")
    categories = (_PATTERN * (count // 10 + 1))[:count]
    return [
        _enquiry(number, category, categories[:number].count(category)) for number, category in enumerate(categories)
    ]


def _enquiry(number: int, category: str, before: int) -> Enquiry:
    company, source = f"Company {number}", _SOURCES[number % len(_SOURCES)]
    if category == "r":
        return Enquiry(number, category, _REJECTED[before % len(_REJECTED)], company, source, None)
    message = _ASKS[number % len(_ASKS)].format(size=10 + number) + "."
    wish = {"f": _free_wish, "c": _taken_wish}.get(category, lambda _: None)(before)
    if category == "o":
        message += " Our budget is 20,000 EUR."
    if wish is not None:
        at = datetime.fromisoformat(wish)
        message += f" Could we talk on {at.day} January 2026 at {at:%H:%M}?"
    return Enquiry(number, category, message, company, source, wish)


def _free_wish(before: int) -> str:
    day, slot = divmod(before, 16)
    return f"{_WISHED[day]}T{9 + slot // 2:02}:{30 * (slot % 2):02}"


def _taken_wish(before: int) -> str:
    day, slot = divmod(before, 3)
    return f"{_TAKEN[day]}T{10 + 2 * slot:02}:00"


def write_calendar(path: Path, leads: list[Enquiry]) -> None:
    """Write a calendar file in which every conflicting slot is taken."""
    calendar = Calendar()
    calendar.add("prodid", "-//somebody else//EN")
    calendar.add("version", "2.0")
    for lead in leads:
        if lead.clashes and lead.wish:
            event = Event()
            event.add("uid", f"taken-{lead.number}@elsewhere.example")
            event.add("dtstamp", OPENING)
            event.add("summary", "taken")
            start = datetime.fromisoformat(lead.wish).replace(tzinfo=ZONE)
            event.add("dtstart", start.astimezone(UTC))
            event.add("dtend", (start + timedelta(minutes=30)).astimezone(UTC))
            calendar.add_component(event)
    path.write_bytes(calendar.to_ical())
