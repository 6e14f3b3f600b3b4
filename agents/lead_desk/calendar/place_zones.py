"""Zones by the places and regions that programs show to people: `(UTC-08:00) Pacific Time (US & Canada)`.

Outlook, Exchange, Lotus Notes and Rails write such names into calendars. A name lists cities of one zone, or it names
a region. The offset before it is that without daylight saving time.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

__all__ = ["find_place"]

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
            zone = _places().get(place.strip().removeprefix("city of "))
            if zone is not None and (offset is None or offset in _offsets(zone)):
                return zone
    return None


def _offset(prefix: re.Match[str]) -> timedelta:
    sign, hours, minutes = prefix.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return -offset if sign == "-" else offset


@cache
def _offsets(zone: str) -> frozenset[timedelta | None]:
    moments = (datetime(2020, month, 1, tzinfo=ZoneInfo(zone)) for month in (1, 7))
    return frozenset(moment.utcoffset() for moment in moments)


@cache
def _places() -> dict[str, str]:
    """Return the zones by the names of regions and cities."""
    cities: dict[str, str] = {}
    for zone in sorted(available_timezones()):
        area, slash, city = zone.rpartition("/")
        if slash and area not in _NOT_CITIES:
            cities[city.replace("_", " ").casefold()] = zone
    return cities | _REGIONS
