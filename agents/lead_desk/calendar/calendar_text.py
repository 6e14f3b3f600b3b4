"""The text of a calendar file: its components, and the lines of each. This module does not interpret the lines.

Programs and people make mistakes in this text: lines that are not folded, line ends that were converted twice, an END
that is missing. The text is read as far as it can be understood, so that a mistake in one event does not affect the
others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import NamedTuple

__all__ = ["Component", "Property", "UnreadableCalendar", "read_components"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""The byte order mark that some programs write before UTF-8. If files were joined, the result has several."""
_FOLDED = (b" ", b"\t")
_BOUNDARIES = (b"BEG", b"END")
_NEEDED = frozenset(
    name[:3].encode("ascii")
    for name in (
        *("UID", "SEQUENCE", "STATUS", "TRANSP", "METHOD", "X-MICROSOFT-CDO-BUSYSTATUS"),
        *("DTSTART", "DTEND", "DUE", "DURATION", "FREEBUSY"),
        *("RRULE", "RDATE", "EXRULE", "EXDATE", "RECURRENCE-ID"),
        *("TZID", "TZOFFSETFROM", "TZOFFSETTO", "X-LIC-LOCATION", "X-WR-TIMEZONE", "TZ:", "DAYLIGHT"),
    )
)
"""How the names of the needed lines begin. The other lines, most of a file, are not kept in memory."""
_NAME = re.compile(rb"([A-Za-z0-9-]{1,60})[ \t]{0,5}(?=[;:])")
_PARAMETER = re.compile(r';\s{0,5}([A-Za-z0-9-]{1,60})\s{0,5}=\s{0,5}("[^"]{0,500}"|[^;]{0,500})')
_YEAR = re.compile(r":(?=\s{0,5}\d{4})")
_QUOTED = re.compile(r'"[^"]{0,500}"')
MAX_DEPTH = 10
"""How deep components may be nested; deeper components are not read. An ordinary calendar has three levels."""
MAX_COMPONENTS = 250_000
"""The largest number of components of a file. An event with an alarm has two."""


class UnreadableCalendar(Exception):
    """The content of a file is not a calendar. The message completes a sentence that begins with `it`."""


class Property(NamedTuple):
    """One line of a component."""

    name: str
    parameters: str
    value: str

    def parameter(self, name: str) -> str | None:
        """Return the value of a parameter without quotes; None if there is none."""
        return _parameters(self.parameters).get(name) if self.parameters else None


@lru_cache(maxsize=1000)
def _parameters(text: str) -> Mapping[str, str]:
    return {name.upper(): value.strip().strip('"').strip() for name, value in _PARAMETER.findall(text)}


@dataclass(slots=True)
class Component:
    """One component: the lines of it that are needed, unfolded, and the components in it."""

    name: str
    first: int
    """The offset of its first byte in the file."""
    end: int = -1
    """The offset of its END line in the file."""
    after: int = -1
    """The offset of the first byte after the component."""
    lines: dict[bytes, list[bytes]] = field(default_factory=dict)
    """The rest of each line after the name, by name."""
    parts: list[Component] = field(default_factory=list)

    def has_any(self, names: frozenset[bytes]) -> bool:
        """Return whether the component has a property of one of these names."""
        return not names.isdisjoint(self.lines)

    def properties(self, name: str) -> list[Property]:
        """Return the properties of a name."""
        return [_split(name, value) for value in self.lines.get(name.encode("ascii"), ())]

    def property(self, name: str) -> Property | None:
        """Return the first property of a name; None if there is none."""
        values = self.lines.get(name.encode("ascii"))
        return None if values is None else _split(name, values[0])

    def text(self, name: str) -> str:
        """Return the value of the first property of a name, or an empty text."""
        item = self.property(name)
        return "" if item is None else item.value


def read_components(raw: bytes) -> Component:
    """Return the components of a file, inside a component without a name.

    Raises:
        UnreadableCalendar: There is no calendar, the file ends within a component, or it has too many components.
    """
    root = Component("", 0)
    open_now = [root]
    after = count = 0
    folded: list[bytes] | None = None  # the line that may continue, in pieces
    for line in _lines(raw):
        place, after = after, after + len(line)
        if line[:1] in _FOLDED:
            if folded is not None:
                folded.append(line[1:].rstrip(b"\r\n"))
            continue
        if not line.strip():
            continue  # a line end that was converted twice leaves empty lines, even inside a folded line
        if folded is not None:
            _add_line(open_now[-1], b"".join(folded))
        start = line[:3].upper()
        folded = [line.rstrip(b"\r\n")] if start in _NEEDED else None
        if folded is None and (start in _BOUNDARIES or start == _BYTE_ORDER_MARK):
            count += _read_boundary(open_now, line, place, after)
        if count > MAX_COMPONENTS:
            raise UnreadableCalendar(f"has more than {MAX_COMPONENTS} components")
    if len(open_now) > 1:
        raise UnreadableCalendar(f"ends within a {open_now[1].name}")
    if not any(part.name == "VCALENDAR" for part in root.parts):
        raise UnreadableCalendar("has no VCALENDAR")
    return root


def _read_boundary(open_now: list[Component], line: bytes, place: int, after: int) -> int:
    """Begin or end a component, and return how many began."""
    word, _, raw_name = line.removeprefix(_BYTE_ORDER_MARK).upper().partition(b":")
    name = raw_name.strip().decode("ascii", "replace")
    if word.strip() == b"END":
        _end(open_now, name, place, after)
    if word.strip() != b"BEGIN":
        return 0
    _begin(open_now, name, place)
    return 1


def _add_line(component: Component, line: bytes) -> None:
    """Add a line to its component, unless the line has no name."""
    if match := _NAME.match(line):
        component.lines.setdefault(match[1].upper(), []).append(line[match.end() :])


def _lines(raw: bytes) -> Iterable[bytes]:
    """Return the lines with their ends. All lines are in memory together only if the file has unusual ends."""
    return raw.splitlines(keepends=True) if b"\r" in raw.replace(b"\r\n", b"") else BytesIO(raw)


def _begin(open_now: list[Component], name: str, place: int) -> None:
    if name in ("VCALENDAR", "VEVENT", "VFREEBUSY", "VTIMEZONE"):  # none is ever inside another of its name
        while any(component.name == name for component in open_now):
            _close(open_now, place, place)
    if len(open_now) > MAX_DEPTH:
        return
    component = Component(name, place)
    open_now[-1].parts.append(component)
    open_now.append(component)


def _end(open_now: list[Component], name: str, place: int, after: int) -> None:
    if all(component.name != name for component in open_now[1:]):
        return
    while open_now[-1].name != name:
        _close(open_now, place, place)
    _close(open_now, place, after)


def _close(open_now: list[Component], place: int, after: int) -> None:
    component = open_now.pop()
    component.end, component.after = place, after


def _split(name: str, content: bytes) -> Property:
    """Split a line at the colon before its value.

    That is the first colon outside of quotes. Some programs write the name of a zone with a colon and without quotes,
    so the first colon before a year is preferred.
    """
    text = content.decode("utf-8", "replace")
    if text[0] == ":":
        return Property(name, "", text[1:].strip())
    if (match := _YEAR.search(text)) and '"' not in text[match.end() :]:
        at = match.start()
    else:
        unquoted = _QUOTED.sub(lambda match: "-" * len(match[0]), text)
        at = unquoted.find(":") if ":" in unquoted else text.find(":")
    return Property(name, text[:at], text[at + 1 :].strip()) if at >= 0 else Property(name, text, "")
