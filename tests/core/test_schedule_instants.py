"""The instants of a schedule follow from its text and its anchor alone, even where daylight saving moves the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blackboard import cron, daily_at, every, strength, total
from blackboard.clock import from_datetime, to_datetime
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.conditions.schedules import MAX_COUNTED_INSTANTS, Schedule
from blackboard.durations import DAY, HOUR, MINUTE
from blackboard.errors import InvalidCondition

BERLIN = "Europe/Berlin"


def at(text: str) -> int:
    """Return an instant from its text in UTC, such as `2027-03-28 01:30`."""
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


def instants(schedule: Schedule, after: str, count: int) -> list[str]:
    """Return the first instants after another one, as texts in UTC."""
    found = islice(schedule.instants(at(after), at(after)), count)
    return [f"{to_datetime(instant):%Y-%m-%d %H:%M}" for instant in found]


# -- the kinds of schedules


def test_an_interval_counts_from_its_anchor_and_never_drifts() -> None:
    hourly, anchor = every("1h"), at("2027-01-01 09:07")
    assert hourly.next_after(anchor, anchor) == anchor + HOUR
    assert hourly.next_after(anchor - 5 * DAY, anchor) == anchor + HOUR  # nothing before its first deployment
    assert hourly.next_after(anchor + 1000 * HOUR, anchor) == anchor + 1001 * HOUR
    assert hourly.next_after(anchor + 1000 * HOUR - 1, anchor) == anchor + 1000 * HOUR


def test_a_time_of_the_day_is_that_of_its_zone_and_its_days() -> None:
    digest = daily_at("09:00", days="mon-fri", zone=BERLIN)
    friday = "2027-03-26 07:59"  # the clock is moved on Sunday
    assert instants(digest, friday, 3) == ["2027-03-26 08:00", "2027-03-29 07:00", "2027-03-30 07:00"]
    assert instants(daily_at("23:59:30", days="sat-sun"), "2027-01-01 00:00", 2) == [
        "2027-01-02 23:59",
        "2027-01-03 23:59",
    ]
    assert instants(daily_at("00:00", days="sun-mon"), "2027-01-01 00:00", 2) == [
        "2027-01-03 00:00",
        "2027-01-04 00:00",
    ]


def test_crontab_counts_weekdays_from_sunday() -> None:
    for text in ("0 9 * * 1-5", "0 9 * * mon-fri", "0 9 * * 1,2,3,4,5"):
        assert instants(cron(text), "2027-01-01 12:00", 2) == ["2027-01-04 09:00", "2027-01-05 09:00"]
    for text in ("0 9 * * 0", "0 9 * * 7", "0 9 * * sun"):
        assert instants(cron(text), "2027-01-01 12:00", 2) == ["2027-01-03 09:00", "2027-01-10 09:00"]
    assert instants(cron("0 9 * * 5-7"), "2027-01-01 12:00", 3) == [
        "2027-01-02 09:00",
        "2027-01-03 09:00",
        "2027-01-08 09:00",
    ]


def test_crontab_needs_one_of_the_day_of_the_month_and_the_weekday() -> None:
    both = cron("0 9 13 * fri")
    assert instants(both, "2027-01-01 12:00", 3) == ["2027-01-08 09:00", "2027-01-13 09:00", "2027-01-15 09:00"]
    assert instants(cron("0 9 13 * *"), "2027-01-01 12:00", 2) == ["2027-01-13 09:00", "2027-02-13 09:00"]
    assert instants(cron("0 0 29 feb *"), "2027-01-01 12:00", 2) == ["2028-02-29 00:00", "2032-02-29 00:00"]
    assert instants(cron("5-59/20 8-9 1 */6 *"), "2027-01-01 08:30", 3) == [
        "2027-01-01 08:45",
        "2027-01-01 09:05",
        "2027-01-01 09:25",
    ]


# -- where the clock is moved


def test_a_reading_that_the_clock_skips_comes_as_much_later_as_the_clock_was_moved() -> None:
    for schedule in (daily_at("02:30", zone=BERLIN), cron("30 2 * * *", zone=BERLIN)):
        assert instants(schedule, "2027-03-27 00:00", 3) == ["2027-03-27 01:30", "2027-03-28 01:30", "2027-03-29 00:30"]
        assert schedule.next_after(at("2027-03-28 01:15"), 0) == at("2027-03-28 01:30")  # from any instant


def test_a_reading_that_the_clock_shows_twice_comes_once() -> None:
    for schedule in (daily_at("02:30", zone=BERLIN), cron("30 2 * * *", zone=BERLIN)):
        assert instants(schedule, "2027-10-30 00:00", 3) == ["2027-10-30 00:30", "2027-10-31 00:30", "2027-11-01 01:30"]


def test_readings_of_each_hour_come_in_each_hour_that_passes() -> None:
    quarterly = cron("*/15 * * * *", zone=BERLIN)
    for day in ("2027-03-28", "2027-10-31"):
        found = list(islice(quarterly.instants(at(f"{day} 00:00") - HOUR, 0), 24))
        assert {later - earlier for earlier, later in pairwise(found)} == {15 * MINUTE}


def test_skipped_and_shown_readings_that_are_one_instant_come_once() -> None:
    found = instants(cron("0,30 2,3 * * *", zone=BERLIN), "2027-03-27 12:00", 3)
    assert found == ["2027-03-28 01:00", "2027-03-28 01:30", "2027-03-29 00:00"]


ZONES = st.sampled_from(
    ["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu"]
)
TIMES = st.integers(at("2020-01-01 00:00"), at("2035-01-01 00:00"))
FIELDS = st.tuples(
    st.sampled_from(["0", "30", "*/15", "7,52"]),
    st.sampled_from(["*", "2", "0,1,2,3", "22-23", "*/6"]),
    st.sampled_from(["*", "*", "1", "13-15"]),
    st.sampled_from(["*", "*", "3,10,11"]),
    st.sampled_from(["*", "*", "0", "mon-fri"]),
)
CALENDARS = st.one_of(
    st.builds(lambda fields, zone: cron(" ".join(fields), zone=zone), FIELDS, ZONES),
    st.builds(
        lambda time, days, zone: daily_at(f"{time:%H:%M}", days=days, zone=zone),
        st.times(),
        st.sampled_from([None, "mon-fri", "sat,sun"]),
        ZONES,
    ),
)
SCHEDULES = st.one_of(
    st.integers(1_000_000, 90 * DAY).map(lambda length: every(timedelta(microseconds=length))), CALENDARS
)


@given(SCHEDULES, TIMES, TIMES)
def test_the_next_instant_is_later_and_there_is_none_between(schedule: Schedule, anchor: int, now: int) -> None:
    following = schedule.next_after(now, anchor)
    assert following is not None
    assert following > now
    for between in (now + 1, (now + following) // 2, following - 1):
        if now <= between < following:
            assert schedule.next_after(between, anchor) == following
    assert schedule.contains(following, anchor)


@given(SCHEDULES, TIMES, TIMES, st.integers(0, 30))
def test_the_latest_instant_and_the_count_are_those_of_a_walk(
    schedule: Schedule, anchor: int, now: int, steps: int
) -> None:
    walk = list(islice(schedule.instants(now, anchor), steps + 1))
    end = walk[-1] if steps % 2 else (schedule.next_after(walk[-1], anchor) or walk[-1] + 1) - 1
    assert schedule.latest(walk[0], end, anchor) == walk[-1]
    assert schedule.count(walk[0], walk[-1], anchor) == len(walk)


MOVES = ["2027-03-13", "2027-03-27", "2027-04-03", "2027-10-02", "2027-10-30", "2027-11-06", "2027-06-01"]
"""The days before clocks of the zones are moved, and another one."""


@settings(max_examples=25)
@given(st.sampled_from(["0", "30", "*/15", "7"]), st.sampled_from(["*", "2", "1-3"]), ZONES, st.sampled_from(MOVES))
def test_a_calendar_agrees_with_a_walk_over_the_minutes(minute: str, hour: str, zone: str, day: str) -> None:
    """A reading that a clock shows is an instant: the first time, or each time if the hours are not named."""
    schedule, place, begin, end = (
        cron(f"{minute} {hour} * * *", zone=zone),
        ZoneInfo(zone),
        at(f"{day} 00:00"),
        36 * HOUR,
    )
    found = list(takewhile(lambda instant: instant <= begin + end, schedule.instants(begin, begin)))
    hours = {"*": range(24), "2": [2], "1-3": [1, 2, 3]}[hour]
    minutes = {"0": [0], "30": [30], "7": [7], "*/15": [0, 15, 30, 45]}[minute]
    walk = {
        instant: to_datetime(instant).astimezone(place) for instant in range(begin + MINUTE, begin + end + 1, MINUTE)
    }
    shown = [
        instant
        for instant, reading in walk.items()
        if reading.hour in hours and reading.minute in minutes and (hour == "*" or reading.fold == 0)
    ]
    is_moved = len({reading.utcoffset() for reading in walk.values()}) > 1
    skipped = set(found) - set(shown)
    assert set(shown) <= set(found)
    assert not skipped or (is_moved and hour != "*")  # only a skipped reading has the instant of another reading


def test_any_number_of_missed_instants_is_found_at_once_and_counted_up_to_a_limit() -> None:
    for schedule in (every("1s"), cron("* * * * *", zone=BERLIN), cron("* * * jan *")):
        first = schedule.next_after(at("2026-01-01 00:00"), at("2026-01-01 00:00"))
        assert first is not None
        last = schedule.latest(first, at("2027-12-01 00:00"), at("2026-01-01 00:00"))
        following = schedule.next_after(last, at("2026-01-01 00:00"))
        assert last <= at("2027-12-01 00:00") < (following or 0)
        assert schedule.count(first, last, at("2026-01-01 00:00")) == MAX_COUNTED_INSTANTS


# -- the text


@given(SCHEDULES)
def test_the_text_of_a_schedule_reads_back(schedule: Schedule) -> None:
    assert parse_condition(str(schedule)) == schedule


def test_texts_have_one_canonical_form() -> None:
    assert str(parse_condition('daily_at( "9:00" , zone = "Europe/Berlin", days = "Mon-Fri" )')) == (
        'daily_at("09:00", days="mon-fri", zone="Europe/Berlin")'
    )
    assert str(parse_condition('every("90m")')) == 'every("1h30m")'
    assert str(parse_condition('cron("0  9 * *  1-5")')) == 'cron("0 9 * * 1-5")'
    assert str(parse_condition('(every("1d"))')) == 'every("1d")'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('every("0.5s")', "the shortest interval of a schedule is 1s"),
        ('every("soon")', "'soon' is not a duration"),
        ("every(60)", "expected a text in quotes for every"),
        ('every("1h", zone="UTC")', "every is given one text"),
        ('daily_at("24:00")', "'24:00' is not a time of the day; write it like 09:00"),
        ('daily_at("9")', "'9' is not a time of the day"),
        ('daily_at("09:00", days="mo")', "'mo' is not a number from 1 to 7, or a name such as mon"),
        ('daily_at("09:00", zone="Europe/Berln")', "no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'"),
        ('daily_at("09:00", zone="../../etc/passwd")', "there is no time zone"),
        ('daily_at("09:00", at="x")', "daily_at can be given days and zone, each once"),
        ('cron("0 9 * *")', "five fields are needed, not 4: minute, hour"),
        ('cron("@daily")', "five fields are needed, not 1"),
        ('cron("60 9 * * *")', "minute: '60' is not a number from 0 to 59"),
        ('cron("0 9 31 2,4 *")', "never comes: no month in '2,4' has a day 31"),
        ('cron("0 9 * * 8")', "weekday: '8' is not a number from 0 to 7, or a name such as mon"),
        ('cron("5/15 * * * *")', "the step of '5/15' does not fit in its range"),
        ('cron("*/90 * * * *")', "the step of '*/90' does not fit in its range"),
        ('cron("50-10 * * * *")', "'50-10' begins after its end"),
        ('cron("0 9 ? * *")', "'?' is not valid; write *, a number, a range"),
        ('evry("1h")', "did you mean 'every'"),
        ('every("1h") | (total("smoke") >= 1)', "a schedule cannot be combined; give it a watch of its own"),
        ('~every("1h")', "a schedule cannot be negated"),
    ],
)
def test_each_mistake_in_a_schedule_is_named(text: str, message: str) -> None:
    with pytest.raises(InvalidCondition) as caught:
        parse_condition(text)
    assert message in str(caught.value)


def test_a_schedule_is_combined_with_nothing() -> None:
    morning: Condition = daily_at("09:00")
    with pytest.raises(InvalidCondition, match="cannot be combined"):
        _ = (strength("smoke") >= 1) & morning
    with pytest.raises(InvalidCondition, match="cannot be combined"):
        _ = morning | (total("smoke") >= 1)
    with pytest.raises(InvalidCondition, match="no truth value"):
        bool(morning)
