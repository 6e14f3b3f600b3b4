"""The calendar file: reads the busy times of other events, and replaces the desk's own events.

The desk recognizes its own events by their UID, which names the board. It never reads them back, because the marks are
authoritative, and it never changes other events. The meetings of other boards are among these.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from blackboard.agent_package_support import Log, find_unicode_form
from blackboard.errors import AgentError, MissingPackage

try:
    from icalendar import Event

    from lead_desk.calendar.busy_times import BusyCalendar, TimeSpan
    from lead_desk.calendar.calendar_events import Problem
    from lead_desk.calendar.calendar_text import Component, UnreadableCalendar, read_components
except ModuleNotFoundError as error:
    raise MissingPackage("the lead desk", error.name, extra="desk") from None
from lead_desk.calendar.shared_file import (
    Signature,
    file_signature,
    folder_lock,
    has_mode,
    read_file,
    real_path,
    replace_file,
)

__all__ = ["Meeting", "TimeSpan", "find_problems", "read_busy_times", "write_meetings"]

log = Log("blackboard")

_UID_SUFFIX = "@lead-desk.blackboard"
_EMPTY = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//blackboard//lead desk//EN\r\nEND:VCALENDAR\r\n"
_MAX_ATTEMPTS = 3
_MAX_CACHED_CALENDARS = 16
"""The number of calendars that are kept in memory."""
WATCHED_SPAN = timedelta(days=30)
"""How far ahead the file is searched for problems."""
MAX_LOGGED_PROBLEMS = 20
"""The largest number of problems that are logged one by one."""


@dataclass(frozen=True)
class Meeting:
    """One of the desk's own events."""

    id: int
    """The id of the mark; with the board's id it makes the UID."""
    start: datetime
    end: datetime
    title: str
    about: str
    booked_at: datetime


class _Layout(NamedTuple):
    """The places of the board's own events in a file, and the place for new events."""

    own: tuple[tuple[int, int], ...]
    last: int
    """The place of the line that ends the last calendar."""


@dataclass
class _CachedCalendar:
    """A calendar as it was read, and the digest and signature of its file then."""

    calendar: BusyCalendar
    layout: _Layout
    digest: bytes
    signature: Signature | None = None
    is_settled: bool = False
    logged: set[Problem] = field(default_factory=set)


_cached_calendars: dict[tuple[Path, str], _CachedCalendar] = {}
_lock = threading.Lock()


def read_busy_times(path: Path, begin: datetime, end: datetime, zone: ZoneInfo, board_id: str = "") -> list[TimeSpan]:
    """Return the busy times of other events between two instants, in UTC and in order. No two overlap.

    A missing file blocks nothing. All-day events, and times without a zone, are read in `zone`. Cancelled and
    transparent events are ignored. A part that cannot be read blocks its day and is logged once. A file that has not
    changed is not read again.

    Args:
        path: The calendar file.
        begin: The first instant.
        end: The end of the window.
        zone: The desk's time zone.
        board_id: The id of the board whose own events are left out.

    Raises:
        AgentError: The file cannot be read or is not a calendar.
    """
    with _lock:
        cached = _read(path, board_id)
        spans = cached.calendar.spans(begin, end, zone)
        _log_problems(path, cached)
    return spans


def find_problems(path: Path, zone: ZoneInfo, now: datetime) -> Sequence[Problem]:
    """Return the parts of a calendar file's events that cannot be read. Rules are followed from `now` on.

    Raises:
        AgentError: The file cannot be read or is not a calendar.
    """
    if (raw := read_file(path)) is None:
        return []
    calendar = BusyCalendar.read(_components(raw, path), lambda uid: False)
    calendar.spans(now, now + WATCHED_SPAN, zone)  # only following a rule shows whether it is too dense
    return list(calendar.problems.found)


def write_meetings(path: Path, meetings: Iterable[Meeting], board_id: str, mode: int | None = None) -> bool:
    """Make `meetings` the board's own events in the file, and return whether the file changed.

    A missing file is created. The file is replaced atomically, unless it is a mount of its own. If another program
    writes it meanwhile, the new contents are read and the change is made again.

    Args:
        path: The calendar file. Symbolic links keep leading to it.
        meetings: The board's meetings.
        board_id: The id of the board.
        mode: The mode of the file; None keeps it, and lets only this user read and write a new file.

    Raises:
        AgentError: The file is not a calendar or cannot be written.
    """
    ordered = sorted(meetings, key=lambda meeting: (meeting.start, meeting.id))
    events = [_event(meeting, board_id).to_ical(sorted=False) for meeting in ordered]
    if not events and not path.exists():
        return False
    real = real_path(path)
    with folder_lock(real), _lock:
        for _ in range(_MAX_ATTEMPTS):
            before = read_file(real)
            cached = _cached_calendar(path, _EMPTY if before is None else before, board_id)
            after, layout = _replace_own_events(_EMPTY if before is None else before, cached.layout, events)
            is_unchanged = after == before or (before is None and not events)
            if is_unchanged and (before is None or mode is None or has_mode(real, mode)):
                return False
            if replace_file(real, before, after, mode):
                # Only the board's own events have changed, so the layout that was read remains valid.
                cached.digest, cached.layout, cached.is_settled = blake2b(after).digest(), layout, False
                return True
    raise AgentError(
        f"{path}: another program keeps changing the file, so nothing was written; the next booking tries again"
    )


def _read(path: Path, board_id: str) -> _CachedCalendar:
    """Return the calendar of a file, which is read again only if it may have changed."""
    cached = _cached_calendars.get((path.absolute(), board_id))
    now, is_settled = file_signature(path)
    if cached is None or not cached.is_settled or cached.signature != now:
        raw = None if now is None else read_file(path)
        cached = _cached_calendar(path, _EMPTY if raw is None else raw, board_id)
        cached.signature, cached.is_settled = now, is_settled
    return cached


def _cached_calendar(path: Path, raw: bytes, board_id: str) -> _CachedCalendar:
    """Return the calendar in the content of a file. The content is parsed again only if it has changed."""
    key = (path.absolute(), board_id)
    cached = _cached_calendars.get(key)
    digest = blake2b(raw).digest()
    if cached is None or cached.digest != digest:
        root = _components(raw, path)
        calendar = BusyCalendar.read(root, lambda uid: _is_own(uid, board_id))
        cached = _CachedCalendar(
            calendar, _layout(root, board_id), digest, logged=set() if cached is None else cached.logged
        )
        _cached_calendars.pop(key, None)
        _cached_calendars[key] = cached
        while len(_cached_calendars) > _MAX_CACHED_CALENDARS:
            del _cached_calendars[next(iter(_cached_calendars))]
    return cached


def _log_problems(path: Path, cached: _CachedCalendar) -> None:
    """Log the problems that were not logged before."""
    problems = cached.calendar.problems.found
    new = [problem for problem in problems if problem not in cached.logged]
    for problem in new[:MAX_LOGGED_PROBLEMS]:
        log.warning(
            "an event in the calendar cannot be read", calendar=str(path), event_uid=problem.uid, problem=str(problem)
        )
    if len(new) > MAX_LOGGED_PROBLEMS:
        log.warning(
            "more events in the calendar cannot be read; 'blackboard doctor' names them",
            count=len(new) - MAX_LOGGED_PROBLEMS,
        )
    cached.logged = set(problems)


def _components(raw: bytes, path: Path) -> Component:
    """Return the components of a calendar, with their places in its content as UTF-8."""
    try:
        return read_components(_as_utf8(raw))
    except UnreadableCalendar as error:
        raise AgentError(f"{path} is not a calendar (it {error}); correct the file or move it away") from None


def _is_own(uid: str, board_id: str) -> bool:
    return bool(board_id) and uid.endswith(f".{board_id}{_UID_SUFFIX}")


def _layout(root: Component, board_id: str) -> _Layout:
    calendars = [part for part in root.parts if part.name == "VCALENDAR"]
    own = sorted(
        (part.first, part.after)
        for calendar in calendars
        for part in calendar.parts
        if part.name == "VEVENT" and _is_own(part.text("UID"), board_id)
    )
    return _Layout(tuple(own), calendars[-1].end)


def _replace_own_events(raw: bytes, layout: _Layout, events: Iterable[bytes]) -> tuple[bytes, _Layout]:
    """Replace the board's own events, keep every other byte, and return the content and its layout.

    The content must be that from which the layout was made, so it is known to be a calendar.

    A library would change the bytes of other events: it writes the parts of a recurrence rule in its own order. A file
    in another Unicode encoding keeps it.
    """
    form, raw = find_unicode_form(raw), _as_utf8(raw)
    others, place = [], 0
    for first, after in (*layout.own, (layout.last, layout.last)):
        others.append(raw[place:first])
        place = after
    own = b"".join(events)
    first = sum(map(len, others))
    last = first + len(own)
    content = b"".join([*others, own, raw[place:]])
    if form is not None and form.encoding != "utf-8":
        content = form.byte_order_mark + content.decode("utf-8", "surrogatepass").encode(form.encoding, "surrogatepass")
    return content, _Layout(((first, last),) if own else (), last)


def _as_utf8(raw: bytes) -> bytes:
    """Return the content of a file as UTF-8. Only a file in UTF-16 or UTF-32 changes.

    Raises:
        UnreadableCalendar: The text is damaged.
    """
    form = find_unicode_form(raw)
    if form is None or form.encoding == "utf-8":
        return raw
    try:
        text = raw[len(form.byte_order_mark) :].decode(form.encoding, "surrogatepass")
    except UnicodeDecodeError as error:
        raise UnreadableCalendar(f"is damaged {form.encoding.upper()} text, from byte {error.start}") from None
    return text.encode("utf-8", "surrogatepass")


def _event(meeting: Meeting, board_id: str) -> Event:
    event = Event()
    event.add("uid", f"appointment-{meeting.id}.{board_id}{_UID_SUFFIX}")
    # With the current time instead, a second write of the same meeting would give other bytes.
    event.add("dtstamp", meeting.booked_at.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", meeting.start.astimezone(UTC))
    event.add("dtend", meeting.end.astimezone(UTC))
    event.add("summary", meeting.title)
    if meeting.about:
        event.add("description", meeting.about)
    return event
