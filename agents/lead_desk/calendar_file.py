"""The calendar file: when the desk is busy, and its own events rewritten from marks. It never touches foreign events.

The desk's own events are known by their UID. What the file says about them does not count: the marks are the truth.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Event

from blackboard.errors import AgentError
from blackboard.failpoints import reach

__all__ = ["Busy", "Meeting", "busy", "rewrite"]

_OWN = "@lead-desk.blackboard"
_OWN_UID = re.compile(rb"^UID[^:\r\n]*:[^\r\n]*" + re.escape(_OWN.encode()) + rb"\s*$", re.MULTILINE | re.IGNORECASE)
_EMPTY = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//blackboard//lead desk//EN\r\nEND:VCALENDAR\r\n"
_TRIES = 3
Busy = tuple[datetime, datetime]
"""From and until, as aware times."""


@dataclass(frozen=True)
class Meeting:
    """One event of the desk's own."""

    id: int
    """The mark id; the UID follows from it."""
    start: datetime
    end: datetime
    title: str
    about: str
    booked_at: datetime


def busy(path: Path, begin: datetime, end: datetime, zone: ZoneInfo) -> list[Busy]:
    """When foreign events block the calendar between two instants, recurring ones included, in order of time.

    A missing file blocks nothing. All-day events block the day in `zone`, where times without a zone are read too.
    Cancelled events, and those marked as not blocking, do not count.

    Raises:
        AgentError: the file cannot be read, or is not a calendar.
    """
    raw = _read(path)
    if raw is None:
        return []
    try:
        calendar = _without_own(_parse(raw, path))
        events = recurring_ical_events.of(calendar, skip_bad_series=True).between(begin, end)
        spans = [(_instant(event.start, zone), _instant(event.end, zone)) for event in events if _blocks(event)]
    except AgentError:
        raise
    except Exception as error:  # the libraries raise what they meet: a file from outside must not look like a crash
        raise AgentError(f"{path}: its events cannot be read ({error}); correct the file or move it away") from error
    return sorted(span for span in spans if span[0] < span[1])


def rewrite(path: Path, meetings: Iterable[Meeting]) -> bool:
    """Put the desk's own events in the file to exactly `meetings`; whether that changed it.

    A missing file is created. The file is replaced in one step, so a reader sees the old one or the new one. If
    another program writes it meanwhile, its version is taken and the work done again.

    Raises:
        AgentError: the file is not a calendar, or cannot be written.
    """
    own = sorted(meetings, key=lambda meeting: (meeting.start, meeting.id))
    for _ in range(_TRIES):
        before = _read(path)
        if before is not None:
            _parse(before, path)
        after = _spliced(
            _EMPTY if before is None else before, [_event(meeting).to_ical(sorted=False) for meeting in own]
        )
        if after == before or (before is None and not own):
            return False
        if _replace(path, before, after):
            return True
    raise AgentError(f"{path}: another program keeps writing it; the desk's events are added at the next booking")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AgentError(f"{path}: the calendar cannot be read ({error.strerror})") from None


def _parse(raw: bytes, path: Path) -> Calendar:
    try:
        found = Calendar.from_ical(raw)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise AgentError(f"{path}: not a calendar ({str(error)[:120]}); correct the file or move it away") from None
    if not isinstance(found, Calendar):
        raise AgentError(f"{path}: holds a {found.name}, not a VCALENDAR; correct the file or move it away")
    return found


def _spliced(raw: bytes, events: Iterable[bytes]) -> bytes:
    """The file with its own events replaced, and every other byte of it as it was.

    Written out again as a whole by the library, foreign events would mean the same but no longer be the same bytes:
    it puts the parts of a rule in an order of its own.
    """
    kept: list[bytes] = []
    event: list[bytes] = []
    for line in raw.splitlines(keepends=True):
        word = line.strip().upper()
        if event or word == b"BEGIN:VEVENT":
            event.append(line)
            if word == b"END:VEVENT":
                if not _OWN_UID.search(b"".join(event)):
                    kept += event
                event = []
        else:
            kept.append(line)
    last = max(number for number, line in enumerate(kept) if line.strip().upper() == b"END:VCALENDAR")
    return b"".join([*kept[:last], *events, *kept[last:]])


def _without_own(calendar: Calendar) -> Calendar:
    calendar.subcomponents = [part for part in calendar.subcomponents if not str(part.get("UID", "")).endswith(_OWN)]
    return calendar


def _event(meeting: Meeting) -> Event:
    event = Event()
    event.add("uid", f"appointment-{meeting.id}{_OWN}")
    event.add("dtstamp", meeting.booked_at.astimezone(UTC).replace(microsecond=0))  # not the clock: twice is the same
    event.add("dtstart", meeting.start.astimezone(UTC))
    event.add("dtend", meeting.end.astimezone(UTC))
    event.add("summary", meeting.title)
    if meeting.about:
        event.add("description", meeting.about)
    return event


def _blocks(event: Any) -> bool:
    cancelled = str(event.get("STATUS", "")).upper() == "CANCELLED"
    return not cancelled and str(event.get("TRANSP", "")).upper() != "TRANSPARENT"


def _instant(value: Any, zone: ZoneInfo) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    assert isinstance(value, date)
    return datetime.combine(value, time.min, zone)


def _replace(path: Path, before: bytes | None, after: bytes) -> bool:
    """Write beside the file and move it there, unless the file is no longer what was read."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = file.name
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        if before is None:
            Path(temporary).chmod(0o644)
        else:
            shutil.copymode(path, temporary)
        if _read(path) != before:
            return False
        reach("publish.written")
        os.replace(temporary, path)
        temporary = None
        return True
    except OSError as error:
        raise AgentError(f"{path}: the calendar cannot be written ({error.strerror})") from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
