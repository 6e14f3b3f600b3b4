"""The calendar file: reads the busy times of other events, and replaces the desk's own events.

The desk recognizes its own events by their UID. It never reads them back, because the marks are authoritative, and it
never changes the events of others.
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

from blackboard.errors import AgentError, MissingPackage
from blackboard.failpoints import failpoint

try:
    import recurring_ical_events
    from icalendar import Calendar, Event
except ModuleNotFoundError as error:
    raise MissingPackage("the lead desk", error.name, extra="desk") from None

__all__ = ["Meeting", "TimeSpan", "read_busy_times", "write_meetings"]

_UID_SUFFIX = "@lead-desk.blackboard"
_OWN_UID = re.compile(
    rb"^UID[^:\r\n]*:[^\r\n]*" + re.escape(_UID_SUFFIX.encode()) + rb"\s*$", re.MULTILINE | re.IGNORECASE
)
_EMPTY = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//blackboard//lead desk//EN\r\nEND:VCALENDAR\r\n"
_MAX_ATTEMPTS = 3

TimeSpan = tuple[datetime, datetime]
"""Start and end, both aware."""


@dataclass(frozen=True)
class Meeting:
    """One of the desk's own events."""

    id: int
    """The id of the mark; the UID is derived from it."""
    start: datetime
    end: datetime
    title: str
    about: str
    booked_at: datetime


def read_busy_times(path: Path, begin: datetime, end: datetime, zone: ZoneInfo) -> list[TimeSpan]:
    """Read the busy times of other events, including recurring events, between two instants, in order.

    A missing file blocks nothing. All-day events, and times without a zone, are read in `zone`. Cancelled and
    transparent events are ignored.

    Raises:
        AgentError: The file cannot be read or is not a calendar.
    """
    raw = read_file(path)
    if raw is None:
        return []
    try:
        calendar = _remove_own_events(_parse(raw, path))
        events = recurring_ical_events.of(calendar, skip_bad_series=True).between(begin, end)
        spans = [(_instant(event.start, zone), _instant(event.end, zone)) for event in events if _blocks(event)]
    except AgentError:
        raise
    except Exception as error:  # the libraries raise any exception for a bad file; it must not look like a crash
        raise AgentError(f"{path}: its events cannot be read ({error}); correct the file or move it away") from error
    return sorted(span for span in spans if span[0] < span[1])


def write_meetings(path: Path, meetings: Iterable[Meeting]) -> bool:
    """Make `meetings` the desk's own events in the file, and return whether the file changed.

    A missing file is created. The file is replaced atomically. If another program writes it meanwhile, the new
    contents are read and the change is made again.

    Raises:
        AgentError: The file is not a calendar or cannot be written.
    """
    ordered = sorted(meetings, key=lambda meeting: (meeting.start, meeting.id))
    events = [_event(meeting).to_ical(sorted=False) for meeting in ordered]
    for _ in range(_MAX_ATTEMPTS):
        before = read_file(path)
        if before is not None:
            _parse(before, path)
        after = _replace_own_events(_EMPTY if before is None else before, events)
        if after == before or (before is None and not events):
            return False
        if _replace_file(path, before, after):
            return True
    raise AgentError(
        f"{path}: another program keeps changing the file, so nothing was written; the next booking tries again"
    )


def read_file(path: Path) -> bytes | None:
    """Return the content of the calendar file; None if there is no file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AgentError(f"{path}: the calendar cannot be read ({error.strerror})") from None


def _parse(raw: bytes, path: Path) -> Calendar:
    try:
        calendar = Calendar.from_ical(raw)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise AgentError(f"{path}: is not a calendar ({str(error)[:120]}); correct the file or move it away") from None
    if not isinstance(calendar, Calendar):
        raise AgentError(f"{path}: contains a {calendar.name}, not a VCALENDAR; correct the file or move it away")
    return calendar


def _replace_own_events(raw: bytes, events: Iterable[bytes]) -> bytes:
    """Replace the desk's own events and keep every other byte.

    The library would change the bytes of other events: it writes the parts of a recurrence rule in its own order.
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


def _remove_own_events(calendar: Calendar) -> Calendar:
    parts = calendar.subcomponents
    calendar.subcomponents = [part for part in parts if not str(part.get("UID", "")).endswith(_UID_SUFFIX)]
    return calendar


def _event(meeting: Meeting) -> Event:
    event = Event()
    event.add("uid", f"appointment-{meeting.id}{_UID_SUFFIX}")
    # Not the current time, so that a second write gives the same bytes.
    event.add("dtstamp", meeting.booked_at.astimezone(UTC).replace(microsecond=0))
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


def _replace_file(path: Path, before: bytes | None, after: bytes) -> bool:
    """Replace the file unless it has changed since `before` was read; return whether it was replaced."""
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
        if read_file(path) != before:
            return False
        failpoint("publish.written")
        os.replace(temporary, path)
        temporary = None
        return True
    except OSError as error:
        raise AgentError(f"{path}: the calendar cannot be written ({error.strerror})") from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
