"""Names of time zones in a text: `CET`, `UTC+2`, `Europe/London`, `Pacific time`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lead_desk.calendar.place_zones import find_place

__all__ = ["ABBREVIATIONS", "mark_zones", "zone_after"]

_PLACES = {
    "UTC": "UTC GMT Z",
    "Europe/Berlin": "CET CEST MEZ MESZ",
    "Europe/London": "BST London",
    "Europe/Lisbon": "WET WEST",
    "Europe/Athens": "EET EEST",
    "Europe/Moscow": "MSK",
    "America/New_York": "EST EDT ET Eastern",
    "America/Chicago": "CST CDT CT Central",
    "America/Denver": "MST MDT MT Mountain",
    "America/Los_Angeles": "PST PDT PT Pacific",
    "Asia/Kolkata": "IST",
    "Asia/Singapore": "SGT",
    "Asia/Tokyo": "JST",
    "Australia/Sydney": "AEST AEDT",
    "Pacific/Auckland": "NZST NZDT",
}
ABBREVIATIONS = {name: place for place, names in _PLACES.items() for name in names.split()}
"""The zone for each abbreviation, and for a few words."""
_SHORT = "|".join(sorted((name for name in ABBREVIATIONS if name.isupper()), key=len, reverse=True))
_LONG = "|".join(name for name in ABBREVIATIONS if not name.isupper())
# Short names are found in capitals only: "est" and "et" are French words.
_ZONE = re.compile(
    rf"""(?P<offset>(?:\b(?:UTC|GMT)\s?[+-]\s?\d{{1,2}}(?::?\d\d)?)
        |(?<=\d\d:\d\d)\+\d\d:?\d\d|(?<=T\d\d:\d\d)-\d\d:?\d\d
        |(?<=\d\d:\d\d\s)[+-](?:0\d|1[0-4])(?:00|30|45)(?!:))(?!\d)
    |(?P<place>\b(?:Africa|America|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Z]\w{{1,30}}(?:/[A-Z]\w{{1,30}})?)
    |(?P<long>\b(?i:{_LONG})\s(?i:(?:standard\s|daylight\s)?time)\b)
    |(?:(?<=\d\s)|(?<=[ap]m\s)|(?<=[AP]M\s)|(?<=[ap]\.m\.\s))(?P<region>(?i:eastern|central|mountain|pacific))\b
    |(?P<city>\b[A-Z][a-zäöüé]{{2,20}}(?:\s[A-Z][a-z]{{2,20}})?)\s(?:(?i:local\s)?(?i:time)|Ortszeit|Zeit)\b
    |(?P<short>(?:(?<=\d)|(?<=[ap]m)|(?<=[AP]M)|(?<=[\s(]))(?:{_SHORT})\b)""",
    re.VERBOSE,
)
_SECONDS = re.compile(r"(?<=T\d\d:\d\d):\d\d(?:\.\d{1,9})?")
_FIRST_CHARACTER = 0xE000
"""The first of the private characters that stand for zones."""
_AFTER = re.compile("[\\s,]{0,5}\\(?\\s?([\ue000-\uf8ff])")


def mark_zones(text: str) -> tuple[str, list[tzinfo]]:
    """Return the text with one private character for each zone that it names, and the zones in their order."""
    zones: list[tzinfo] = []

    def mark(match: re.Match[str]) -> str:
        zone = _zone(match)
        if zone is None:
            return match.group()
        zones.append(zone)
        before, _, last = (match["city"] or "").rpartition(" ")
        kept = f"{before} " if before and _place(match["city"]) == _place(last) else ""  # "Thursday London time"
        return kept + chr(_FIRST_CHARACTER + len(zones) - 1)

    clean = re.sub("[\ue000-\uf8ff]", " ", text)
    return _ZONE.sub(mark, _SECONDS.sub("", clean)), zones


def zone_after(text: str, end: int, zones: Sequence[tzinfo]) -> tzinfo | None:
    """Return the zone that a marked text names at a place; None if there is none."""
    match = _AFTER.match(text, end)
    return None if match is None else zones[ord(match[1]) - _FIRST_CHARACTER]


def _place(words: str) -> str | None:
    """Return the zone of a place, or of the last word: `New York`, `New Yorker`, `Thursday London`."""
    plain = words.casefold()
    names = (plain, plain.removesuffix("er"), plain.split()[-1], plain.split()[-1].removesuffix("er")) if plain else ()
    return next((zone for name in names if (zone := find_place(name)) is not None), None)


def _zone(match: re.Match[str]) -> tzinfo | None:
    """Return the time zone of a name in a text; None if there is no such zone."""
    if match["offset"]:
        sign, digits = ("-" if "-" in match["offset"] else "+"), re.sub(r"\D", "", match["offset"])
        hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
        if hours > 14 or minutes > 59:
            return None
        return timezone((1 if sign == "+" else -1) * timedelta(hours=hours, minutes=minutes))
    if match["city"]:
        name = _place(match["city"])
    else:
        name = match["place"] or ABBREVIATIONS[match["short"] or (match["region"] or match["long"]).split()[0].title()]
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
