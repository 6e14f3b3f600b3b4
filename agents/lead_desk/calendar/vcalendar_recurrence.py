"""The translation of recurrence rules of vCalendar 1.0, such as `W2 TU TH #10`, to rules of iCalendar.

Phones, Lotus Notes and older exports write them. A rule has three parts: a letter code with an interval, the days or
months, and its end. The end is a number of periods (`#10`; `#0` means for ever) or a time.
"""

from __future__ import annotations

import re

__all__ = ["clip_number", "translate_old_rule"]

_START = re.compile(r"(D|W|MP|MD|YM|YD)(\d{1,9})", re.ASCII)
_WEEKDAY = re.compile(r"(?:MO|TU|WE|TH|FR|SA|SU)")
_END = re.compile(r"\d{8}(?:T\d{4,6}Z?)?", re.ASCII)
_PERIODS = re.compile(r"\d{1,9}", re.ASCII)
_TIME = re.compile(r"(\d\d)(\d\d)(?:\d\d)?", re.ASCII)
_NUMBER = re.compile(r"(\d{1,3})([+-]?)", re.ASCII)
_FREQUENCIES = {"D": "DAILY", "W": "WEEKLY", "MP": "MONTHLY", "MD": "MONTHLY", "YM": "YEARLY", "YD": "YEARLY"}
_PARTS = {"W": "BYDAY", "MP": "BYDAY", "MD": "BYMONTHDAY", "YM": "BYMONTH", "YD": "BYYEARDAY"}
_DEFAULT_PERIODS = 2
"""The number of periods of a rule that states no end, by the standard."""
_LARGEST = "999999999"
"""The number that replaces longer numbers. The meaning stays, because there are fewer days."""


def translate_old_rule(text: str) -> str | None:
    """Return an old rule as an iCalendar rule; None if it is not an old rule, or combines several.

    If a rule lasts for some periods with several days each, its count is the number of all these days. If such a rule
    starts within a period, the new rule ends a few days late, so it never frees a time.

    Args:
        text: The value of an RRULE or EXRULE.
    """
    words = [word.removesuffix("$") for word in text.upper().split()]
    start = _START.fullmatch(words[0]) if words else None
    if start is None:
        return None
    code = start[1]
    parts = [_part(code, word) for word in words[1:]]
    if any(part is None for part in parts):
        return None
    values = {
        name: [value for part, value in filter(None, parts) if part == name]
        for name in ("periods", "end", "time", "item")
    }
    items, times = values["item"], values["time"]
    days = _numbered_weekdays(items) if code == "MP" else items
    if len({time[2:4] for time in times}) > 1:
        return None
    rule = [f"FREQ={_FREQUENCIES[code]}", f"INTERVAL={start[2]}"]
    if days:
        rule.append(f"{_PARTS[code]}={','.join(days)}")
    if times:
        rule += [f"BYHOUR={','.join(time[:2] for time in times)}", f"BYMINUTE={times[0][2:4]}"]
    periods = int([str(_DEFAULT_PERIODS), *values["periods"]][-1])
    if values["end"]:
        rule.append(f"UNTIL={values['end'][-1]}")
    elif periods:
        rule.append(f"COUNT={min(int(_LARGEST), periods * max(1, len(days)) * max(1, len(times)))}")
    return ";".join(rule)


def _part(code: str, word: str) -> tuple[str, str] | None:
    """Return the meaning of a word of a rule, with its value; None if rules of its kind have no such word."""
    if word.startswith("#") and _PERIODS.fullmatch(number := clip_number(word[1:])):
        return "periods", number
    if _END.fullmatch(word):
        return "end", word
    if _TIME.fullmatch(word):
        return "time", word
    item = _item(code, word)
    return None if item is None else ("item", item)


def clip_number(text: str) -> str:
    """Return a number with at most nine digits. A longer number loses leading zeros, or becomes the largest of nine.

    Any other text stays unchanged.
    """
    if len(text) <= len(_LARGEST) or not (text.isascii() and text.isdigit()):
        return text
    digits = text.lstrip("0") or "0"
    return digits if len(digits) <= len(_LARGEST) else _LARGEST


def _item(code: str, word: str) -> str | None:
    """Return a day or month of a rule; None if rules of its kind have no such part."""
    if code in ("W", "MP") and _WEEKDAY.fullmatch(word):
        return word
    if code == "MD" and word == "LD":
        return "-1"
    match = _NUMBER.fullmatch(word)
    if match is None or code in ("D", "W"):
        return None
    number = int(match[1])
    return f"-{number}" if match[2] == "-" else str(number)


def _numbered_weekdays(items: list[str]) -> list[str]:
    """Return the weekdays of a month with the numbers before them: `1 MO TU 3 FR` is 1MO, 1TU, 3FR."""
    weekdays: list[str] = []
    numbers: list[str] = []
    weekdays_began = False
    for item in items:
        if not item.isalpha():
            numbers = [*([] if weekdays_began else numbers), item]
            weekdays_began = False
        else:
            weekdays_began = True
            weekdays += [f"{number}{item}" for number in numbers] or [item]
    return weekdays
