"""Names of time zones in a text: `CET`, `UTC+2`, `Europe/London`, `Pacific time`, and names of places and regions.

Outlook, Exchange, Lotus Notes and Rails write names such as `(UTC-08:00) Pacific Time (US & Canada)` into calendars. A
name lists cities of one zone, or it names a region. The offset before it does not include daylight saving time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

__all__ = ["ABBREVIATIONS", "find_place", "replace_zones", "zone_after"]

_PREFIX = re.compile(r"\(?(?:utc|gmt)\s?(?:([+-])(\d{1,2})(?:[:.]?(\d\d))?)?\)\s?", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s?[,/;]\s?")
_IN_BRACKETS = re.compile(r"\s?\([^()]{0,60}\)")
_NOT_CITIES = ("Etc", "SystemV", "US", "Canada", "Brazil", "Chile", "Mexico")
"""Areas whose names end with a region."""
_REGIONS = {
    "eastern time": "America/New_York",
    "central time": "America/Chicago",
    "mountain time": "America/Denver",
    "pacific time": "America/Los_Angeles",
    "atlantic time": "America/Halifax",
    "alaska": "America/Anchorage",
    "arizona": "America/Phoenix",
    "hawaii": "Pacific/Honolulu",
    "aleutian islands": "America/Adak",
    "baja california": "America/Tijuana",
    "newfoundland": "America/St_Johns",
    "saskatchewan": "America/Regina",
    "yukon": "America/Whitehorse",
    "indiana": "America/Indiana/Indianapolis",
    "central america": "America/Guatemala",
    "chetumal": "America/Cancun",
    "port louis": "Indian/Mauritius",
    "brasilia": "America/Sao_Paulo",
    "salvador": "America/Bahia",
    "greenland": "America/Nuuk",
    "saint pierre and miquelon": "America/Miquelon",
    "turks and caicos": "America/Grand_Turk",
    "haiti": "America/Port-au-Prince",
    "cabo verde is.": "Atlantic/Cape_Verde",
    "cape verde is.": "Atlantic/Cape_Verde",
    "west central africa": "Africa/Lagos",
    "edinburgh": "Europe/London",
    "bern": "Europe/Zurich",
    "st. petersburg": "Europe/Moscow",
    "abu dhabi": "Asia/Dubai",
    "islamabad": "Asia/Karachi",
    "chennai": "Asia/Kolkata",
    "mumbai": "Asia/Kolkata",
    "new delhi": "Asia/Kolkata",
    "sri jayawardenepura": "Asia/Colombo",
    "ekaterinburg": "Asia/Yekaterinburg",
    "hanoi": "Asia/Bangkok",
    "beijing": "Asia/Shanghai",
    "osaka": "Asia/Tokyo",
    "sapporo": "Asia/Tokyo",
    "canberra": "Australia/Sydney",
    "wellington": "Pacific/Auckland",
    "new caledonia": "Pacific/Noumea",
    "solomon is.": "Pacific/Guadalcanal",
    "marshall is.": "Pacific/Majuro",
    "nuku'alofa": "Pacific/Tongatapu",
    "samoa": "Pacific/Apia",
    "kiritimati island": "Pacific/Kiritimati",
    "easter island": "Pacific/Easter",
    "lord howe island": "Australia/Lord_Howe",
    "marquesas islands": "Pacific/Marquesas",
    "chatham islands": "Pacific/Chatham",
    "norfolk island": "Pacific/Norfolk",
    "bougainville island": "Pacific/Bougainville",
    "petropavlovsk-kamchatsky": "Asia/Kamchatka",
    "westeuropäische zeit": "Europe/Lisbon",
    "mitteleuropäische zeit": "Europe/Berlin",
    "osteuropäische zeit": "Europe/Athens",
    "coordinated universal time": "UTC",
    "greenwich mean time": "UTC",
    "international date line west": "Etc/GMT+12",
    "coordinated universal time+12": "Etc/GMT-12",
    "coordinated universal time+13": "Etc/GMT-13",
    "coordinated universal time-02": "Etc/GMT+2",
    "coordinated universal time-08": "Etc/GMT+8",
    "coordinated universal time-09": "Etc/GMT+9",
    "coordinated universal time-11": "Etc/GMT+11",
}
"""Regions, and cities after which no zone is named. Names without brackets and in lower case."""


def find_place(name: str) -> str | None:
    """Return the IANA name of the zone of a region or of the first known city in a list; None if none is known.

    If the name states an offset, only zones with this offset in winter or in summer count.

    Args:
        name: A name in lower case.
    """
    plain = name.replace("\\", "").replace("&amp;", "&")
    prefix = _PREFIX.match(plain)
    without_prefix = plain[prefix.end() :] if prefix else plain
    offset = _offset(prefix) if prefix else None
    for text in (without_prefix, _IN_BRACKETS.sub("", without_prefix)):
        for place in (text, *_SEPARATOR.split(text)):
            zone = _zones_by_place().get(place.strip().removeprefix("city of "))
            if zone is not None and (offset is None or offset in _offsets(zone)):
                return zone
    return None


def _offset(prefix: re.Match[str]) -> timedelta:
    sign, hours, minutes = prefix.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return -offset if sign == "-" else offset


@cache
def _offsets(zone: str) -> frozenset[timedelta | None]:
    instants = (datetime(2020, month, 1, tzinfo=ZoneInfo(zone)) for month in (1, 7))
    return frozenset(instant.utcoffset() for instant in instants)


@cache
def _zones_by_place() -> dict[str, str]:
    """Return the zones by the names of regions and cities."""
    cities: dict[str, str] = {}
    for zone in sorted(available_timezones()):
        area, slash, city = zone.rpartition("/")
        if slash and area not in _NOT_CITIES:
            cities[city.replace("_", " ").casefold()] = zone
    return cities | _REGIONS


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


def replace_zones(text: str) -> tuple[str, list[tzinfo]]:
    """Return the text with one private character for each zone that it names, and the zones in their order."""
    zones: list[tzinfo] = []

    def replace(match: re.Match[str]) -> str:
        zone = _zone(match)
        if zone is None:
            return match.group()
        zones.append(zone)
        before, _, last = (match["city"] or "").rpartition(" ")
        kept = f"{before} " if before and _place(match["city"]) == _place(last) else ""  # "Thursday London time"
        return kept + chr(_FIRST_CHARACTER + len(zones) - 1)

    clean = re.sub("[\ue000-\uf8ff]", " ", text)
    return _ZONE.sub(replace, _SECONDS.sub("", clean)), zones


def zone_after(text: str, end: int, zones: Sequence[tzinfo]) -> tzinfo | None:
    """Return the zone that a text from `replace_zones` names right after an offset; None if there is none."""
    match = _AFTER.match(text, end)
    return None if match is None else zones[ord(match[1]) - _FIRST_CHARACTER]


def _place(words: str) -> str | None:
    """Return the zone of the place that the words, or the last word, name: `New Yorker`, `Thursday London`."""
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
