"""A requested time is found as it was meant; impossible and missing times are not found."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_desk.language.date_words import (
    AFTER_HOUR,
    ARTICLES_OF_HOURS,
    BEFORE_HOUR,
    BETWEEN_HOURS,
    FROM_HOUR,
    NEGATIONS_BEFORE,
    PARTS_OF_DAY,
    TO_HOUR_AFTER_FROM,
)
from lead_desk.language.lead_signals import declines
from lead_desk.language.requested_time import RequestedTime, parse_requested_time
from lead_desk.language.submission_time import parse_submission
from lead_desk.language.time_extraction import extract_times

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("next Tuesday at 3pm", ["2026-03-03T15:00"]),
        ("Tuesday 15:00 is fine", ["2026-03-03T15:00"]),
        ("Dienstag 15 Uhr", ["2026-03-03T15:00"]),
        ("mardi à 15h30", ["2026-03-03T15:30"]),
        ("martes a las 15:30", ["2026-03-03T15:30"]),
        ("giovedì alle 10", ["2026-03-05T10:00"]),
        ("dinsdag om 10", ["2026-03-03T10:00"]),
        ("mañana a las 10", ["2026-03-03T10:00"]),
        ("mañana por la mañana", ["2026-03-03T09:00/12:00"]),
        ("Guten Morgen! Donnerstag Vormittag?", ["2026-03-05T09:00/12:00"]),
        ("Dienstag Morgen", ["2026-03-03T09:00/12:00"]),
        ("übermorgen nach 14 Uhr", ["2026-03-04T14:00/2026-03-05T00:00"]),
        ("2026-03-04 10:00", ["2026-03-04T10:00"]),
        ("Offer 2026-03-10T15:30", ["2026-03-10T15:30"]),
        ("4. März um 11 Uhr", ["2026-03-04T11:00"]),
        ("04.03.2026 11:00", ["2026-03-04T11:00"]),
        ("on March 5th, 11am", ["2026-03-05T11:00"]),
        ("Tuesday, 10 March at 14:00", ["2026-03-10T14:00"]),
        ("Tuesday next week, 10am", ["2026-03-10T10:00"]),
        ("nächste Woche Dienstag 15 Uhr", ["2026-03-10T15:00"]),
        ("next week", ["2026-03-09/2026-03-13"]),
        ("Monday or Tuesday afternoon", ["2026-03-09T13:00/17:00", "2026-03-03T13:00/17:00"]),
        ("at 3pm on Tuesday or 4pm on Wednesday", ["2026-03-03T15:00", "2026-03-04T16:00"]),
        ("Wed 10am or 2pm", ["2026-03-04T10:00", "2026-03-04T14:00"]),
        ("tomorrow between 9 and 11am", ["2026-03-03T09:00/11:00"]),
        ("in 3 days at noon", ["2026-03-05T12:00/13:00"]),
        ("for 40 people on Tuesday at 10", ["2026-03-03T10:00"]),
        ("Tuesday at 25:00", ["2026-03-03"]),
    ],
)
def test_a_named_time_is_found(text: str, expected: list[str]) -> None:
    assert [str(requested) for requested in extract_times(text, MONDAY)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "31 February at 10am",
        "30.02.2026 um 10 Uhr",
        "2026-02-30",
        "35.13.2026",
        "2001-01-01 at 9:00",
        "today at 8:00",
        "29 March 02:30",  # a clock change skips this time
        "300 users, budget of 10.000 EUR, version 1.2.3, 50% off",
        "call me after 4pm",
        "good morning",
        "",
    ],
)
def test_impossible_past_and_missing_times_are_not_found(text: str) -> None:
    assert extract_times(text, MONDAY) == []


def test_a_weekday_is_never_today() -> None:
    assert [str(requested) for requested in extract_times("Monday 10:00", MONDAY)] == ["2026-03-09T10:00"]


def test_days_are_relative_to_the_time_of_writing_and_dropped_if_past() -> None:
    assert extract_times("tomorrow 10:00", MONDAY, now=MONDAY + timedelta(days=3)) == []
    assert [str(requested) for requested in extract_times("in 5 days", MONDAY, now=MONDAY + timedelta(days=3))] == [
        "2026-03-07"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thursday 3pm UTC", ["2026-03-05T16:00"]),
        ("Donnerstag 15 Uhr MEZ", ["2026-03-05T15:00"]),
        ("Thursday between 9 and 11am EST", ["2026-03-05T15:00/17:00"]),
        ("Thursday 9am or 11am, all Pacific time", ["2026-03-05T18:00", "2026-03-05T20:00"]),
        ("Thursday at 10 (Asia/Tokyo)", ["2026-03-05T02:00"]),
        ("Thursday 12:00 GMT-3", ["2026-03-05T16:00"]),
        ("2026-03-05T10:00:00.000Z", ["2026-03-05T11:00"]),
        ("jeudi 15h est possible et 16h aussi", ["2026-03-05T15:00", "2026-03-05T16:00"]),
        ("Thursday 10:00 Atlantis/Nowhere", ["2026-03-05T10:00"]),
    ],
)
def test_hours_with_a_named_zone_are_converted(text: str, expected: list[str]) -> None:
    assert [str(requested) for requested in extract_times(text, MONDAY)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("next week except Wednesday", ["2026-03-09/2026-03-10", "2026-03-12/2026-03-13"]),
        ("nächste Woche außer Montag und Freitag", ["2026-03-10/2026-03-12"]),
        ("any day apart from Tuesday", ["2026-03-04/2026-03-09"]),
        ("Thursday at 10, but not on Friday", ["2026-03-05T10:00"]),
        ("I can't do Tuesday. Wednesday 14:00?", ["2026-03-04T14:00"]),
        ("Dienstag geht leider nicht, Mittwoch 10 Uhr", ["2026-03-04T10:00"]),
        ("jeudi 10h, sauf vendredi", ["2026-03-05T10:00"]),
        ("we are never in on Friday", []),
    ],
)
def test_days_that_the_writer_excludes_are_not_requested(text: str, expected: list[str]) -> None:
    assert [str(requested) for requested in extract_times(text, MONDAY)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "12.50 EUR per seat",
        "\u20ac 12.50",
        "version 10.30",
        "from 20 employees",
        "ab 15 Lizenzen",
        "a 2h workshop",
        "within 12h",
        "room 11.15",
        "tel. 030 12.30",
        "nach 3 Jahren",
        "bis 10 Plätze",
    ],
)
def test_numbers_that_are_not_times_leave_the_day_open(text: str) -> None:
    assert [str(requested) for requested in extract_times(f"Thursday, {text}", MONDAY)] == ["2026-03-05"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-27T08:14:00+01:00", "2026-02-27T08:14"),
        ("2026-02-27T23:30:00Z", "2026-02-28T00:30"),
        ("2026-02-27 08:14", "2026-02-27T08:14"),
        ("27.02.2026 08:14", "2026-02-27T08:14"),
        ("2/27/2026 8:14:00", "2026-02-27T08:14"),
        ("02/03/2026 07:20", "2026-03-02T07:20"),  # 3 February is possible too, and longer ago
        ("12/03/2026", None),  # 12 March and 3 December are both to come
        ("March 1, 2026 11:15 PM", "2026-03-01T23:15"),
        ("1. März 2026", "2026-03-01T00:00"),
        ("2026-02-31T10:00:00", None),
        ("yesterday-ish", None),
        ("2027-01-01", None),
        ("", None),
        (None, None),
    ],
)
def test_a_form_states_when_it_was_sent(text: str | None, expected: str | None) -> None:
    found = parse_submission(text, MONDAY, BERLIN)
    assert (None if found is None else f"{found.astimezone(BERLIN):%Y-%m-%dT%H:%M}") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/Mar/26 10:00 AM", "10:00"),
        ("1772355600", "10:00"),
        ("1772355600000", "10:00"),
        ("1772355600.000100", "10:00"),
        ("Mar 1, 2026, 10:00 PM", "22:00"),
        ("Sun, 01 Mar 2026 10:00:00 +0000", "11:00"),
        ("Sun Mar  1 10:00:00 2026", "10:00"),
        ("Sun Mar 01 2026 10:00:00 GMT-0500 (Eastern Standard Time)", "16:00"),
        ("2026/03/01 10:00:00 AM GMT+2", "09:00"),
        ("2026-03-01 10:00:00 UTC", "11:00"),
        ("01-Mar-2026 10:00", "10:00"),
    ],
)
def test_programs_state_when_a_lead_was_sent(text: str, expected: str) -> None:
    found = parse_submission(text, MONDAY, BERLIN)
    assert found is not None
    assert f"{found.astimezone(BERLIN):%Y-%m-%d %H:%M}" == f"2026-03-01 {expected}"


@given(
    st.text(max_size=60) | st.from_regex(r"[0-9/:. ]{1,30}|[A-Z][a-z]{2} [0-9]{1,2} [0-9:]{5} [0-9]{4}", fullmatch=True)
)
def test_reading_when_a_lead_was_sent_never_raises(text: str) -> None:
    parse_submission(text, MONDAY, BERLIN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("anytime this week but Friday works, any day but Friday", ["2026-03-02/2026-03-05"]),
        (
            "any day except Friday at 10 am",
            [f"2026-03-{day}T10:00" for day in ("03", "04", "05", "09")],
        ),
        ("any day except Friday afternoon", ["2026-03-03/2026-03-05", "2026-03-07/2026-03-09"]),
        ("any morning except Friday", [f"2026-03-{day}T09:00/12:00" for day in ("03", "04", "05", "09")]),
        ("between 9 and 11 next week, not Monday", [f"2026-03-{day}T09:00/11:00" for day in (10, 11, 12, 13)]),
        ("I can't do Wednesday, Thursday at 10 works", ["2026-03-05T10:00"]),
        ("I can't do Wednesday or Thursday, Friday works", ["2026-03-06"]),
        ("Freitag au\u00dfer vormittags", ["2026-03-06T12:00/2026-03-07T00:00"]),
        ("Thursday but not in the afternoon", ["2026-03-05T00:00/13:00"]),
        ("Thursday, not before 10", ["2026-03-05T10:00/2026-03-06T00:00"]),
        ("Donnerstag nicht nach 15 Uhr", ["2026-03-05T00:00/15:00"]),
        ("Thursday not at 10:00", ["2026-03-05"]),
        ("Thursday does not work", []),
        ("Thursday 9:30 a.m. Pacific", ["2026-03-05T18:30"]),
        ("Thursday 10am New York time", ["2026-03-05T16:00"]),
        ("Donnerstag 10 Uhr Londoner Zeit", ["2026-03-05T11:00"]),
        ("10:00 Thursday London time", ["2026-03-05T11:00"]),
        ("2026-03-05 15:00 -0500", ["2026-03-05T21:00"]),
        ("Good Time Thursday 10:00", ["2026-03-05T10:00"]),
        ("our office is at 10 Downing Street, Thursday works", ["2026-03-05"]),
        ("05.03. 10:00-11:00", ["2026-03-05T10:00/11:00"]),
        ("05.03.26 10 Uhr", ["2026-03-05T10:00"]),
        ("Thursday between 9 and 11", ["2026-03-05T09:00/11:00"]),
        ("von 9 bis 11 am Donnerstag", ["2026-03-05T09:00/11:00"]),
    ],
)
def test_what_the_writer_excludes_and_the_zone_that_the_text_names_count(text: str, expected: list[str]) -> None:
    assert [str(requested) for requested in extract_times(text, MONDAY)] == expected


NEGATED_HOURS = {
    "before": ([f"{word} 10:00" for word in BEFORE_HOUR], "2026-03-06T10:00/2026-03-07T00:00"),
    "after": ([f"{word} 10:00" for word in AFTER_HOUR], "2026-03-06T00:00/10:00"),
    "between": (
        [
            f"{begin} {article}9:00 {to} {article}11:00"
            for begin in (*BETWEEN_HOURS, *FROM_HOUR)
            for to in TO_HOUR_AFTER_FROM
            for article in ("", *(f"{word} " for word in ARTICLES_OF_HOURS))
        ],
        "2026-03-06T11:00/2026-03-07T00:00",
    ),
    "morning": (
        [part for part, (begin, _) in PARTS_OF_DAY.items() if begin < 12],
        "2026-03-06T12:00/2026-03-07T00:00",
    ),
    "afternoon": ([part for part, (begin, _) in PARTS_OF_DAY.items() if begin == 13], "2026-03-06T00:00/13:00"),
}


NEGATIONS = [word for word in NEGATIONS_BEFORE if word != "mai"]
"""The negations that are no other word: `mai` is Italian for `never`, and also the month of May."""


@pytest.mark.parametrize("negation", [*NEGATIONS, "can't", "can\u2019t do", "no puedo", "non posso"])
@pytest.mark.parametrize("form", NEGATED_HOURS)
def test_hours_after_any_negation_are_excluded_in_every_language(form: str, negation: str) -> None:
    hours, expected = NEGATED_HOURS[form]
    found = {span: [str(time) for time in extract_times(f"venerdì, {negation} {span}", MONDAY)] for span in hours}
    assert found == {span: [expected] for span in hours}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Freitag nie vor 10 Uhr", "2026-03-06T10:00/2026-03-07T00:00"),
        ("Freitag nicht von 9 bis 11 Uhr", "2026-03-06T11:00/2026-03-07T00:00"),
        ("vendredi jamais avant 10h", "2026-03-06T10:00/2026-03-07T00:00"),
        ("vendredi, pas disponible jusqu\u2019à 10h", "2026-03-06T10:00/2026-03-07T00:00"),
        ("el viernes no antes de las 10h", "2026-03-06T10:00/2026-03-07T00:00"),
        ("el viernes no después de las 10", "2026-03-06T00:00/10:00"),
        ("el viernes no entre las 9 y las 11", "2026-03-06T11:00/2026-03-07T00:00"),
        ("venerdì mai prima delle 10:00", "2026-03-06T10:00/2026-03-07T00:00"),
        ("venerdì mai dopo le 10", "2026-03-06T00:00/10:00"),
        ("venerdì mai tra le 9 e le 11", "2026-03-06T11:00/2026-03-07T00:00"),
        ("venerdì mai dalle 9 alle 11", "2026-03-06T11:00/2026-03-07T00:00"),
        ("venerdì mai la mattina", "2026-03-06T12:00/2026-03-07T00:00"),
        ("vrijdag nooit tussen 9 en 11", "2026-03-06T11:00/2026-03-07T00:00"),
        ("vrijdag niet 's ochtends", "2026-03-06T12:00/2026-03-07T00:00"),
        ("Friday not mornings", "2026-03-06T12:00/2026-03-07T00:00"),
        ("5. Mai vor 10 Uhr", "2026-05-05T00:00/10:00"),
        ("Freitag im Mai vor 10 Uhr", "2026-03-06T00:00/10:00"),
        ("Freitag im Mai vormittags", "2026-03-06T09:00/12:00"),
        ("vendredi en mai avant 10h", "2026-03-06T00:00/10:00"),
        ("Freitag 10 Uhr alle 2 Wochen", "2026-03-06T10:00"),
        ("le 5 mai avant 10h", "2026-05-05T00:00/10:00"),
        ("5 mai mardi avant 10h", "2026-05-05T00:00/10:00"),
    ],
)
def test_negated_hours_are_told_from_a_month_and_from_a_number(text: str, expected: str) -> None:
    assert expected in [str(requested) for requested in extract_times(text, MONDAY)]


@pytest.mark.parametrize("negation", NEGATIONS)
def test_a_decision_with_a_negation_is_a_refusal(negation: str) -> None:
    assert declines(f"Friday {negation}")
    assert not declines("5. Mai, 10:00")


ZONES = st.sampled_from(["Europe/Berlin", "UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001
WORDS = st.sampled_from(
    [
        "tuesday",
        "dienstag",
        "morgen",
        "mañana",
        "next week",
        "in 3 days",
        "2026-03-04",
        "31.02.",
        "march 5",
        "5. märz",
        "3pm",
        "15:30",
        "15h",
        "25:00",
        "9-11am",
        "nach 14 uhr",
        "afternoon",
        "or",
        "bis",
        "à",
        "um",
        "on",
        "am",
        "5",
    ]
)


@given(st.one_of(st.text(), st.lists(WORDS, max_size=12).map(" ".join)), MOMENTS, ZONES)
def test_every_text_gives_at_most_five_future_times(text: str, instant: datetime, zone: str) -> None:
    now = instant.replace(tzinfo=ZoneInfo(zone), microsecond=0)
    found = extract_times(text, now)
    assert len(found) <= 5
    assert all(requested.is_ahead(now) for requested in found)


@given(st.one_of(st.text(), st.lists(WORDS, max_size=12).map(" ".join)), MOMENTS, ZONES)
def test_a_requested_time_reads_back_from_its_text(text: str, instant: datetime, zone: str) -> None:
    here = ZoneInfo(zone)
    for requested in extract_times(text, instant.replace(tzinfo=here, microsecond=0)):
        again = parse_requested_time(str(requested), here)
        assert again is not None
        assert str(again) == str(requested)
        assert again.start.replace(second=0) == requested.start


@given(st.datetimes(datetime(2026, 3, 3), datetime(2027, 12, 31)), ZONES)  # noqa: DTZ001
def test_an_exact_time_is_found_as_written(instant: datetime, zone: str) -> None:
    here = ZoneInfo(zone)
    text = f"{instant:%Y-%m-%dT%H:%M}"
    found = extract_times(f"can we do {text}?", MONDAY.astimezone(here))
    stated = parse_requested_time(text, here)
    expected = [stated] if stated and stated.is_ahead(MONDAY) else []
    assert found == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-02-30", "2026-03-04T25:00", "2026-03-04/", "2026-03-04T12:00/09:00", "9999-12-31"]
)
def test_a_text_that_is_not_a_time_is_refused(text: str) -> None:
    assert parse_requested_time(text, BERLIN) is None


@given(st.text())
def test_parsing_never_raises(text: str) -> None:
    assert isinstance(parse_requested_time(text, BERLIN), RequestedTime | None)
