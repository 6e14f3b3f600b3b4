"""Durations: text with a unit that reads back exactly; everything else raises InvalidDuration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from blackboard.durations import Duration, Microseconds, format_duration, parse_duration
from blackboard.errors import InvalidDuration

LONGEST = 1_000 * 365 * 86_400_000_000


@given(st.integers(0, LONGEST))
def test_a_formatted_duration_reads_back_exactly(length: int) -> None:
    assert parse_duration(format_duration(length)) == length


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=365_000)))
def test_a_timedelta_is_converted_exactly(length: timedelta) -> None:
    assert timedelta(microseconds=parse_duration(length)) == length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0s", 0),
        ("1us", 1),
        ("1ms", 1_000),
        ("90s", 90_000_000),
        ("30m", 1_800_000_000),
        ("1h30m", 5_400_000_000),
        (" 1h 30m ", 5_400_000_000),
        ("0.5d", 43_200_000_000),
        ("2w", 14 * 86_400_000_000),
        ("365000d", LONGEST),
    ],
)
def test_a_duration_is_read_in_its_usual_forms(text: str, length: int) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0s"),
        (90_000_000, "1m30s"),
        (14 * 86_400_000_000, "2w"),
        (10 * 86_400_000_000, "10d"),
        (1_001, "1ms1us"),
    ],
)
def test_a_duration_is_written_short(length: int, text: str) -> None:
    assert format_duration(length) == text


@pytest.mark.parametrize("bare", ["90", "1.5", 90, 1.5, 0])
def test_a_bare_number_is_refused_because_it_has_no_unit(bare: Any) -> None:
    with pytest.raises(InvalidDuration, match="a bare number has no unit"):
        parse_duration(bare)


@pytest.mark.parametrize(
    "junk",
    [*["", " ", "s", "-3d", "3 days", "3y", "1h-30m", "1e3s", "3D", "3d,", "٣s", "1_0s", ".5s"], None, True, [], b"3d"],
)
def test_other_text_is_refused(junk: Any) -> None:
    with pytest.raises(InvalidDuration, match="is not a duration"):
        parse_duration(junk)


@pytest.mark.parametrize(
    "length", ["365001d", "9" * 60 + "w", timedelta(microseconds=-1), timedelta.max, timedelta.min]
)
def test_a_duration_below_0_or_over_a_thousand_years_is_refused(length: Any) -> None:
    with pytest.raises(InvalidDuration, match="out of range"):
        parse_duration(length)


@given(st.one_of(st.text(max_size=80), st.text("0123456789.usmhdw -", max_size=80)))
@example("1d 12h")
def test_every_text_is_a_duration_or_is_refused(text: str) -> None:
    try:
        length = parse_duration(text)
    except InvalidDuration:
        return
    assert 0 <= length <= LONGEST


class Settings(BaseModel):
    wait: Duration = Microseconds(5)


def test_a_setting_is_written_as_text_and_read_as_microseconds() -> None:
    settings = Settings.model_validate({"wait": "3d"})
    assert settings.wait == 3 * 86_400_000_000
    assert settings.model_dump(mode="json") == {"wait": "3d"}
    assert Settings.model_validate(settings.model_dump()) == settings
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_a_parsed_setting_may_be_validated_again() -> None:
    assert Settings(wait=Settings(wait="2h").wait).wait == 7_200_000_000


@pytest.mark.parametrize("wrong", [3, "3", "soon", None, -1])
def test_a_setting_without_a_unit_is_a_validation_error(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="is not a duration"):
        Settings(wait=wrong)
