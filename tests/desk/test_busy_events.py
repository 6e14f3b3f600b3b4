"""Busy events as real calendars write them, and as hostile ones do. What can be understood blocks its time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from blackboard.errors import AgentError
from lead_desk.calendar import busy_times, calendar_events, calendar_text
from lead_desk.calendar.calendar_file import find_problems, read_busy_times
from lead_desk.calendar.recurrence_rules import StepBudget
from lead_desk.scheduler import examine
from tests.desk.fake_desk import at

BERLIN = ZoneInfo("Europe/Berlin")
SERIES = ("DTSTART;TZID=Europe/Berlin:20260302T100000", "DTEND;TZID=Europe/Berlin:20260302T110000")
ZONE = """BEGIN:VTIMEZONE
TZID:Office
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0300
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0200
TZOFFSETTO:+0300
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


def event(*lines: str, uid: str = "1") -> str:
    return "\n".join(["BEGIN:VEVENT", *([f"UID:{uid}"] if uid else []), *lines, "END:VEVENT", ""])


def calendar(text: str) -> str:
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{text}END:VCALENDAR\n"


def write(folder: Path, text: str, line_end: str = "\r\n") -> Path:
    path = folder / "c.ics"
    path.write_bytes(text.replace("\n", line_end).encode())
    return path


def is_busy(path: Path, instant: datetime) -> bool:
    spans = read_busy_times(path, at(2), at(15, month=4), BERLIN)
    return any(start <= instant < end for start, end in spans)


def berlin(day: int, hour: int, minute: int = 30, month: int = 3) -> datetime:
    return at(day, hour, minute, month)


ONE = event("DTSTART:20260304T080000Z", "DTEND:20260304T090000Z")
DAILY = event(*SERIES, "RRULE:FREQ=DAILY")
OTHER = event(*SERIES, uid="2")
OLD_ZONE = "TZ:-08\nDAYLIGHT:TRUE;-07;20260308T020000;20261101T020000;PST;PDT\n"
MOVED = ("DTSTART;TZID=Europe/Berlin:20260304T150000", "DTEND;TZID=Europe/Berlin:20260304T170000")
READ = {
    "all day, ends on its day": (
        event("DTSTART;VALUE=DATE:20260304", "DTEND;VALUE=DATE:20260304"),
        berlin(4, 23),
        True,
    ),
    "a date with a time": (event("DTSTART;VALUE=DATE:20260304T000000"), berlin(4, 22), True),
    "a date without VALUE": (event("DTSTART:20260304", "DTEND:20260305"), berlin(4, 10), True),
    "three days, within": (event("DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260305"), berlin(4, 23), True),
    "three days, after": (event("DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260305"), berlin(5, 0), False),
    "a length": (event(SERIES[0], "DURATION:PT3H"), berlin(2, 12), True),
    "no end": (event(SERIES[0]), berlin(2, 10), True),
    "no length": (event("DTSTART:20260304T093000Z", "DTEND:20260304T093000Z"), berlin(4, 10), True),
    "an end at 24:00": (event("DTSTART:20260304T120000Z", "DTEND:20260304T240000Z"), berlin(4, 23), True),
    "two events, one UID": (ONE + event("DTSTART:20260305T080000Z", "DTEND:20260305T090000Z"), berlin(5, 9), True),
    "no UID": (event(*SERIES, uid="") + event(*MOVED, uid=""), berlin(2, 10), True),
    "the newest revision": (event(*SERIES, "SEQUENCE:1") + event(*MOVED, "SEQUENCE:2"), berlin(2, 10), False),
    "a date as UNTIL": (event(*SERIES, "RRULE:FREQ=DAILY;UNTIL=20260304"), berlin(4, 10), True),
    "after a date as UNTIL": (event(*SERIES, "RRULE:FREQ=DAILY;UNTIL=20260304"), berlin(5, 10), False),
    "UNTIL in UTC": (event(*SERIES, "RRULE:FREQ=DAILY;UNTIL=20260304T085959Z"), berlin(4, 10), False),
    "days until UTC": (event("DTSTART:20260302", "RRULE:FREQ=DAILY;UNTIL=20260303T230000Z"), berlin(4, 10), True),
    "an excluded date": (event(*SERIES, "RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20260304"), berlin(4, 10), False),
    "an excluded time in UTC": (event(*SERIES, "RRULE:FREQ=DAILY", "EXDATE:20260304T090000Z"), berlin(4, 10), False),
    "an excluded rule": (event(*SERIES, "RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY;BYDAY=WE"), berlin(4, 10), False),
    "added periods": (
        event(*SERIES, "RDATE;VALUE=PERIOD:20260305T140000Z/PT1H,20260306T140000Z/PT1H"),
        berlin(6, 15),
        True,
    ),
    "two rules": (event(*SERIES, "RRULE:FREQ=WEEKLY;BYDAY=WE", "RRULE:FREQ=WEEKLY;BYDAY=FR"), berlin(6, 10), True),
    "moved, old time": (DAILY + event("RECURRENCE-ID:20260304T090000Z", *MOVED), berlin(4, 10), False),
    "moved, new time": (DAILY + event("RECURRENCE-ID:20260304T090000Z", *MOVED), berlin(4, 16), True),
    "moved, listed first": (event("RECURRENCE-ID;VALUE=DATE:20260304", *MOVED) + DAILY, berlin(4, 10), False),
    "one cancelled": (
        DAILY + event("RECURRENCE-ID:20260304T090000Z", *MOVED, "STATUS:CANCELLED"),
        berlin(4, 10),
        False,
    ),
    "all later ones moved": (
        DAILY + event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260304T090000Z", *MOVED),
        berlin(9, 16),
        True,
    ),
    "only a moved one": (event("RECURRENCE-ID:20260304T090000Z", *MOVED), berlin(4, 16), True),
    "VFREEBUSY": (
        "BEGIN:VFREEBUSY\nFREEBUSY;FBTYPE=BUSY-TENTATIVE:20260304T080000Z/PT1H,20260305T080000Z/PT3H\nEND:VFREEBUSY\n",
        berlin(5, 10),
        True,
    ),
    "VFREEBUSY, free": (
        "BEGIN:VFREEBUSY\nFREEBUSY;FBTYPE=FREE:20260304T080000Z/PT8H\nEND:VFREEBUSY\n",
        berlin(4, 10),
        False,
    ),
    "transparent": (event(*SERIES, "TRANSP: transparent"), berlin(2, 10), False),
    "free in Outlook": (event(*SERIES, "X-MICROSOFT-CDO-BUSYSTATUS:FREE"), berlin(2, 10), False),
    "cancelled": (event(*SERIES, "STATUS:canceled"), berlin(2, 10), False),
    "tentative": (event(*SERIES, "STATUS:TENTATIVE"), berlin(2, 10), True),
    "UTC of Outlook": (
        event('DTSTART;TZID="tzone://Microsoft/Utc":20260304T130000', 'DTEND;TZID="tzone://Microsoft/Utc":20260304T140000'),
        berlin(4, 14),
        True,
    ),
    "a zone of Windows": (
        event('DTSTART;TZID=Pacific Standard Time:20260304T010000', "DURATION:PT1H"),
        berlin(4, 10),
        True,
    ),
    "a zone with an address": (
        event("DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20260304T100000", "DURATION:PT1H"),
        berlin(4, 10),
        True,
    ),
    "a zone of the file, in winter": (
        event("DTSTART;TZID=Office:20260304T110000", "DURATION:PT1H") + ZONE,
        berlin(4, 10),
        True,
    ),
    "a zone of the file, in summer": (
        ZONE + event("DTSTART;TZID=Office:20260404T110000", "DURATION:PT1H"),
        berlin(4, 10, month=4),
        True,
    ),
    "the zone of the calendar": (
        "X-WR-TIMEZONE:America/New_York\n" + event("DTSTART:20260304T040000", "DURATION:PT1H"),
        berlin(4, 10),
        True,
    ),
    "ISO 8601": (event("DTSTART:2026-03-04T10:00:00+01:00", "DTEND:2026-03-04T11:00:00+01:00"), berlin(4, 10), True),
    "beyond the clocks": (event("DTSTART:00010101T000000Z", "DTEND:99991231T235959Z"), berlin(4, 10), True),
    "the longest length that Python can tell": (
        event("DTSTART:20260304T090000Z", "DURATION:P999999999D"),
        berlin(31, 10),
        True,
    ),
    "a length beyond that": (event("DTSTART:20260304T090000Z", "DURATION:P9999999999999W"), berlin(31, 10), True),
    "a whole day, again and again, beyond that": (
        event("DTSTART;VALUE=DATE:20260304", "DURATION:P99999999999D", "RRULE:FREQ=DAILY;COUNT=3"),
        berlin(31, 10),
        True,
    ),
    "VFREEBUSY beyond that": (
        "BEGIN:VFREEBUSY\nFREEBUSY:20260304T080000Z/P99999999999D\nEND:VFREEBUSY\n",
        berlin(31, 10),
        True,
    ),
    "a count of thousands of digits": (event(*SERIES, f"RRULE:FREQ=DAILY;COUNT={'7' * 4000}"), berlin(31, 10), True),
    "a count since the year 1": (
        event("DTSTART:00010101T090000Z", f"RRULE:FREQ=DAILY;COUNT={'9' * 400}"),
        berlin(4, 10),
        True,
    ),
    "an interval of thousands of digits": (
        event(*SERIES, f"RRULE:FREQ=DAILY;INTERVAL={'7' * 4000}"),
        berlin(3, 10),
        False,
    ),
    "zeros before a count": (event(*SERIES, f"RRULE:FREQ=DAILY;COUNT={'0' * 400}3"), berlin(5, 10), False),
    "a rule with its name": (event(*SERIES, "RRULE:RRULE:FREQ=DAILY;COUNT=3"), berlin(4, 10), True),
    "vCalendar, days": (event(*SERIES, "RRULE:D2 #3"), berlin(6, 10), True),
    "vCalendar, after its days": (event(*SERIES, "RRULE:D2 #3"), berlin(8, 10), False),
    "vCalendar, weeks": (event(*SERIES, "RRULE:W1 MO WE 20260318T235959"), berlin(18, 10), True),
    "vCalendar, after its weeks": (event(*SERIES, "RRULE:W1 MO WE 20260318T235959"), berlin(23, 10), False),
    "vCalendar, for ever": (event(*SERIES, "RRULE:w1 mo we #0"), berlin(30, 10), True),
    "vCalendar, periods of thousands of digits": (event(*SERIES, f"RRULE:D1 #{'8' * 4000}"), berlin(31, 10), True),
    "vCalendar, weekdays of a month": (event(*SERIES, "RRULE:MP1 1+ 1- TU FR #12"), berlin(31, 10), True),
    "vCalendar, days of a month": (event(*SERIES, "RRULE:MD1 2 LD #12"), berlin(31, 10), True),
    "vCalendar, months": (event(*SERIES, "RRULE:YM1 3 4 #2"), berlin(2, 10, month=4), True),
    "vCalendar, days of a year": (event(*SERIES, "RRULE:YD1 61 70 #2"), berlin(11, 10), True),
    "vCalendar, a time": (event(*SERIES, "RRULE:D1 1000$ 1500 #0"), berlin(4, 15), True),
    "vCalendar, excluded": (
        event(*SERIES, "RRULE:D1 #0", "EXDATE:20260304T090000Z;20260305T090000Z"),
        berlin(5, 10),
        False,
    ),
    "vCalendar, free": (event(*SERIES, "TRANSP:1"), berlin(2, 10), False),
    "vCalendar, busy": (event(*SERIES, "TRANSP:0"), berlin(2, 10), True),
    "vCalendar, its zone": (OLD_ZONE + event("DTSTART:20260304T010000", "DURATION:PT1H"), berlin(4, 10), True),
    "vCalendar, its zone in summer": (
        OLD_ZONE + event("DTSTART:20260404T010000", "DURATION:PT1H"),
        berlin(4, 10, month=4),
        True,
    ),
    "a zone as people see it": (
        event('DTSTART;TZID="(UTC-08:00) Pacific Time (US & Canada)":20260304T010000', "DURATION:PT1H"),
        berlin(4, 10),
        True,
    ),
    "every three hours": (event(*SERIES, "RRULE:FREQ=HOURLY;INTERVAL=3"), berlin(4, 13), True),
    "the last weekday": (event(*SERIES, "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"), berlin(31, 10), True),
}  # fmt: skip


@pytest.mark.parametrize(("text", "instant", "expected"), READ.values(), ids=READ)
def test_what_can_be_understood_is_read_as_it_was_meant(
    text: str, instant: datetime, expected: bool, tmp_path: Path
) -> None:
    path = write(tmp_path, calendar(text))
    assert is_busy(path, instant) is expected
    assert find_problems(path, BERLIN, at(2)) == []


WHOLE_FILES = {
    "two calendars": (calendar(ONE) + calendar(OTHER), "\r\n"),
    "marks of UTF-8": ("\ufeff" + calendar(ONE) + "\ufeff" + calendar(OTHER), "\r\n"),
    "only LF": (calendar(ONE + OTHER), "\n"),
    "only CR": (calendar(ONE + OTHER), "\r"),
    "ends converted twice": (calendar(ONE + event("DTSTART;TZID=Euro\n pe/Berlin:2026\n\t0302T100000")), "\r\r\n"),
    "an end is missing": (calendar(ONE.replace("END:VEVENT\n", "") + OTHER), "\r\n"),
    "an alarm without an end": (calendar(ONE.replace("END", "BEGIN:VALARM\nDURATION:P9D\nEND") + OTHER), "\r\n"),
    "small letters": (calendar(ONE + OTHER).lower(), "\r\n"),
    "text that is not folded": (calendar(ONE + event("DESCRIPTION:one", "two: three", "", *SERIES, uid="2")), "\r\n"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line_end"), WHOLE_FILES.values(), ids=WHOLE_FILES)
def test_faults_of_the_text_cost_no_event(text: str, line_end: str, tmp_path: Path) -> None:
    path = write(tmp_path, text, line_end)
    assert is_busy(path, berlin(4, 9))
    assert is_busy(path, berlin(2, 10))
    assert find_problems(path, BERLIN, at(2)) == []


UNREADABLE = {
    "DTSTART in words": (["DTSTART:March 4, 2026 10:00"], [4]),
    "DTSTART with an impossible time": (["DTSTART:20260304T256100"], [4]),
    "DTSTART without sense": (["DTSTART:junk", "DTEND:20260304T100000Z"], [4]),
    "no DTSTART": (["DTEND:20260304T100000Z"], [4]),
    "DTEND": (["DTSTART:20260304T090000Z", "DTEND:junk"], [4]),
    "DTEND before DTSTART": (["DTSTART:20260304T090000Z", "DTEND:20260303T090000Z"], [4]),
    "DURATION": (["DTSTART:20260304T090000Z", "DURATION:-PT1H"], [4]),
    "each of a series": (["DTSTART:20260303T090000Z", "DTEND:junk", "RRULE:FREQ=DAILY;COUNT=3"], [3, 4, 5]),
    "a zone": (["DTSTART;TZID=tzone://Microsoft/Custom:20260304T100000", "DURATION:PT1H"], [4]),
    "FREQ": (["DTSTART:20260304T090000Z", "RRULE:FREQ=FORTNIGHTLY"], [4]),
    "BYDAY": (["DTSTART:20260304T090000Z", "RRULE:FREQ=WEEKLY;BYDAY=ZZ"], [4]),
    "RDATE": (["DTSTART:20260303T090000Z", "RDATE:20260304T999999Z"], [3, 4]),
    "EXDATE": (["DTSTART;VALUE=DATE:20260303", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE:junk"], [3, 4]),
}


@pytest.mark.parametrize(("lines", "days"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_blocks_its_day_and_is_named(lines: Sequence[str], days: list[int], tmp_path: Path) -> None:
    path = write(tmp_path, calendar(event(*lines, uid="bad@x") + event(*SERIES, uid="good@x")))
    with capture_logs() as logs:
        busy = [day for day in range(2, 7) if all(is_busy(path, berlin(day, hour)) for hour in range(24))]
        assert is_busy(path, berlin(2, 10))
    assert busy == days
    assert [problem.uid for problem in find_problems(path, BERLIN, at(2))] == ["bad@x"]
    assert [line["event_uid"] for line in logs] == ["bad@x"], "said once"


@pytest.mark.parametrize("rule", ["FREQ=SOMETIMES", "D1 #3 W1 MO", "BYDAY=MO", "", "FREQ=DAILY;" + "X" * 200_000])
def test_a_rule_that_cannot_be_read_is_an_action_for_a_person(rule: str, tmp_path: Path) -> None:
    path = write(tmp_path, calendar(event("DTSTART:20260304T090000Z", f"RRULE:{rule}")))
    (problem,) = find_problems(path, BERLIN, at(2))
    assert "it blocks 2026-03-04, but not the days on which it recurs" in str(problem)
    settings = {"lead_desk": {"calendar": str(path), "time_zone": "Europe/Berlin"}}
    assert [finding.state for finding in examine(settings, at(2))] == ["wrong"]


def test_a_day_that_nobody_knows_is_named_too(tmp_path: Path) -> None:
    path = write(tmp_path, calendar(event("DTSTART:some day", uid="bad\x07\nDTEND:x")))
    (problem,) = find_problems(path, BERLIN, at(2))
    assert "blocks nothing" in str(problem)
    assert str(problem).isprintable()


def test_an_event_that_blocks_nothing_need_not_be_readable(tmp_path: Path) -> None:
    path = write(tmp_path, calendar(event("DTSTART:20260304T090000Z", "DTEND:junk", "TRANSP:TRANSPARENT")))
    assert read_busy_times(path, at(2), at(9), BERLIN) == []
    assert find_problems(path, BERLIN, at(2)) == []


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=MINUTELY;BYSETPOS=1", "FREQ=DAILY;COUNT=3000000"])
def test_a_rule_that_cannot_be_followed_blocks_all_time_and_is_named(rule: str, tmp_path: Path) -> None:
    endless = event("DTSTART:00010101T000000Z", "DTEND:00010101T000100Z", f"RRULE:{rule}", uid="dense@x")
    path = write(tmp_path, calendar(endless + event(*SERIES, "RRULE:FREQ=WEEKLY")))
    spans = read_busy_times(path, at(2), at(2) + timedelta(days=300), BERLIN)
    assert is_busy(path, berlin(14, 3))
    assert len(spans) < 100
    (problem,) = find_problems(path, BERLIN, at(2))
    assert str(problem).startswith("dense@x: RRULE")


def test_rules_that_together_are_too_much_leave_the_simple_ones_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(busy_times, "StepBudget", partial(StepBudget, 2000))
    dense = "".join(event("DTSTART:20260310T000000Z", "RRULE:FREQ=MINUTELY;BYHOUR=3", uid=f"{n}") for n in range(20))
    path = write(tmp_path, calendar(dense + event(*SERIES, "RRULE:FREQ=DAILY", uid="daily")))
    assert not is_busy(path, berlin(3, 12))
    assert is_busy(path, berlin(3, 10))
    assert is_busy(path, berlin(12, 12)), "a rule that was not followed blocks its time from its start"


def test_a_problem_of_a_calendar_names_the_days_that_it_blocks(tmp_path: Path) -> None:
    path = write(tmp_path, calendar(event("DTSTART:3/4/2026", uid="either@x")))
    (problem,) = find_problems(path, BERLIN, at(2))
    assert problem.days == (date(2026, 3, 4), date(2026, 4, 3))
    assert is_busy(path, berlin(4, 10))
    assert is_busy(path, berlin(3, 10, month=4))


def test_a_list_of_too_many_dates_blocks_all_time_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar_events, "MAX_DATES", 100)
    dates = ",".join(["20200101T000000Z"] * 101)
    text = event("DTSTART:20200101T000000Z", f"RDATE:{dates}", uid="long@x") + event(*SERIES)
    path = write(tmp_path, calendar(text))
    assert is_busy(path, berlin(14, 3))
    assert [problem.uid for problem in find_problems(path, BERLIN, at(2))] == ["long@x"]
    path = write(
        tmp_path, calendar(f"BEGIN:VFREEBUSY\nUID:long@x\nFREEBUSY:{dates.replace('Z', 'Z/PT1H')}\nEND:VFREEBUSY\n")
    )
    assert is_busy(path, berlin(14, 3))
    assert [problem.uid for problem in find_problems(path, BERLIN, at(2))] == ["long@x"]


def test_components_far_too_deep_and_far_too_many_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = event(*(["BEGIN:X"] * 5000), "DTSTART:20260305T080000Z", *(["END:X"] * 5000), *SERIES, uid="deep@x")
    path = write(tmp_path, calendar(deep + ONE))
    assert is_busy(path, berlin(4, 9))
    assert is_busy(path, berlin(2, 10))
    monkeypatch.setattr(calendar_text, "MAX_COMPONENTS", 100)
    with pytest.raises(AgentError, match="components"):
        is_busy(write(tmp_path, calendar(ONE * 101)), berlin(4, 9))
