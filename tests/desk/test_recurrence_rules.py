# ruff: noqa: DTZ001
"""Rules are followed as dateutil follows them, but within a window and a number of steps."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import dropwhile, takewhile

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from lead_desk.calendar.recurrence_rules import MAX_STEPS, Frequency, StepBudget, TooManySteps, parse_rule

START = datetime(2026, 1, 5, 10)


def occurrences(text: str, since: datetime, until: datetime, start: datetime = START) -> list[datetime]:
    rule, problems = parse_rule(text)
    assert rule is not None, problems
    return list(rule.occurrences(start, since, until, StepBudget()))


RULES = [
    "DAILY", "DAILY;INTERVAL=10", "DAILY;COUNT=10", "DAILY;BYMONTH=1,3;BYHOUR=9,16", "DAILY;BYDAY=MO,FR;BYSETPOS=1",
    "WEEKLY", "WEEKLY;INTERVAL=2;WKST=SU", "WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR;WKST=SU", "WEEKLY;BYDAY=TU,SU;COUNT=20",
    "WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO", "WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", "WEEKLY;BYDAY=MO,TU;BYSETPOS=-1",
    "MONTHLY", "MONTHLY;BYDAY=1FR", "MONTHLY;INTERVAL=2;BYDAY=1SU,-1SU", "MONTHLY;BYDAY=-2MO;COUNT=6",
    "MONTHLY;BYMONTHDAY=-3", "MONTHLY;BYMONTHDAY=2,15", "MONTHLY;BYMONTHDAY=1,-1;COUNT=10", "MONTHLY;BYDAY=TU",
    "MONTHLY;INTERVAL=18;BYMONTHDAY=10,11,12,13,14,15", "MONTHLY;BYDAY=FR;BYMONTHDAY=13", "MONTHLY;BYMONTHDAY=31",
    "MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", "MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3",
    "MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9,17;BYSETPOS=1,-1",
    "YEARLY", "YEARLY;BYMONTH=6,7", "YEARLY;INTERVAL=3;BYYEARDAY=1,100,200", "YEARLY;BYDAY=20MO", "YEARLY;BYDAY=-1SU",
    "YEARLY;BYWEEKNO=20;BYDAY=MO", "YEARLY;BYWEEKNO=1,53,-1;BYDAY=MO,TH,SU", "YEARLY;BYWEEKNO=1;WKST=SU;BYDAY=SU,SA",
    "YEARLY;BYMONTH=3;BYDAY=TH", "YEARLY;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "YEARLY;BYYEARDAY=-1,-366,366",
    "YEARLY;BYMONTH=2;BYMONTHDAY=29", "YEARLY;BYMONTH=1,2;BYDAY=1MO,-1FR;BYSETPOS=2,-1", "YEARLY;COUNT=4;INTERVAL=2",
    "HOURLY;INTERVAL=3", "HOURLY;INTERVAL=5;BYDAY=MO,WE;BYMINUTE=0,30", "HOURLY;BYHOUR=9,10;COUNT=30",
    "MINUTELY;INTERVAL=90", "MINUTELY;INTERVAL=20;BYHOUR=9,10,11", "MINUTELY;INTERVAL=7;BYMINUTE=0,7,14;BYDAY=MO",
    "SECONDLY;INTERVAL=86399", "SECONDLY;INTERVAL=45000;BYMINUTE=0,30",
]  # fmt: skip
"""Most are the examples of RFC 5545. Each has an occurrence again and again: dateutil searches for one without end."""


@given(st.sampled_from(RULES), st.integers(0, 800), st.integers(0, 900), st.integers(1, 30))
def test_a_rule_has_the_occurrences_that_dateutil_finds(text: str, begin: int, first: int, days: int) -> None:
    start = START + timedelta(days=begin)
    since = start + timedelta(days=first - 10)
    until = since + timedelta(days=days)
    reference = takewhile(lambda at: at < until, rrulestr(f"FREQ={text}", dtstart=start))
    assert occurrences(f"FREQ={text}", since, until, start) == list(dropwhile(lambda at: at < since, reference))


@pytest.mark.parametrize("frequency", list(Frequency.__members__))
@pytest.mark.parametrize("never", ["BYMONTH=2;BYMONTHDAY=30", "BYMONTHDAY=31;BYMONTH=4;BYSETPOS=2"])
def test_a_rule_that_never_matches_ends(frequency: str, never: str) -> None:
    budget = StepBudget()
    rule, _ = parse_rule(f"FREQ={frequency};{never}")
    assert rule is not None
    assert list(rule.occurrences(START, START, START + timedelta(days=20), budget)) == []
    assert budget.left > StepBudget().left - 1000


ALL = ",".join(map(str, range(60)))


@pytest.mark.parametrize("text", ["SECONDLY", "DAILY;COUNT=3000000", f"YEARLY;BYDAY=MO;BYMINUTE={ALL};BYSECOND={ALL}"])
def test_a_rule_that_is_too_dense_or_too_long_is_given_up_after_some_steps(text: str) -> None:
    rule, _ = parse_rule(f"FREQ={text}")
    assert rule is not None
    budget, until = StepBudget(), datetime(2026, 3, 1)
    with pytest.raises(TooManySteps):
        list(rule.occurrences(datetime(1, 1, 1, 10), until - timedelta(days=300), until, budget))
    assert budget.left >= StepBudget().left - MAX_STEPS
    budget.left = 10
    daily, _ = parse_rule("FREQ=DAILY")
    assert daily is not None
    with pytest.raises(TooManySteps):
        list(daily.occurrences(START, START, until, budget))


def test_a_series_since_the_year_1_costs_no_more_than_its_window() -> None:
    budget = StepBudget()
    rule, _ = parse_rule("FREQ=DAILY;INTERVAL=2")
    assert rule is not None
    found = list(rule.occurrences(datetime(1, 1, 1, 9), datetime(2026, 3, 2), datetime(2026, 3, 16), budget))
    assert len(found) == 7
    assert budget.left > StepBudget().left - 100


@pytest.mark.parametrize(
    ("text", "kept", "wrong"),
    [
        ("FREQ=WEEKLY;INTERVAL=0;BYDAY=MO", "FREQ=WEEKLY;BYDAY=MO", ["INTERVAL=0"]),
        ("FREQ=WEEKLY;INTERVAL=-1", "FREQ=WEEKLY", ["INTERVAL=-1"]),
        ("freq=weekly; byday = mo , we ;", "FREQ=WEEKLY;BYDAY=MO,WE", []),
        ("FREQ=WEEKLY;BYDAY=Monday,XX", "FREQ=WEEKLY;BYDAY=MO", ["BYDAY=XX"]),
        ("FREQ=MONTHLY;BYMONTHDAY=0,32,5", "FREQ=MONTHLY;BYMONTHDAY=5", ["BYMONTHDAY=0", "BYMONTHDAY=32"]),
        ("RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=OMIT", "FREQ=YEARLY", []),
        ("RSCALE=HEBREW;FREQ=YEARLY", "FREQ=YEARLY", ["RSCALE=HEBREW"]),
        ("FREQ=DAILY;COUNT=" + "9" * 5000, "FREQ=DAILY", []),
        ("FREQ=DAILY;" + "X" * 200_000, None, None),
        ("FREQ=FORTNIGHTLY", None, ["FREQ=FORTNIGHTLY"]),
        ("", None, ["FREQ="]),
    ],
)  # fmt: skip
def test_the_parts_of_a_rule_that_can_be_understood_are_kept(
    text: str, kept: str | None, wrong: list[str] | None
) -> None:
    rule, problems = parse_rule(text)
    assert rule == (None if kept is None else parse_rule(kept)[0])
    assert wrong is None or problems == wrong
    assert all(len(problem) < 100 for problem in problems)
