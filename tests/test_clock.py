"""Clocks and instants: whole microseconds in UTC; a manual clock changes only when a program moves it."""

from __future__ import annotations

import ast
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard.clock import ManualClock, SystemClock, from_datetime, iso, parse_instant, to_datetime
from blackboard.durations import SECOND


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_a_datetime_comes_back_from_its_instant(at: datetime) -> None:
    assert to_datetime(from_datetime(at)) == at.astimezone(UTC)


@given(st.integers(0, 7_000_000_000_000_000))
def test_the_text_of_an_instant_reads_back(at: int) -> None:
    text = iso(at)
    assert text is not None
    assert text.endswith("Z")
    assert parse_instant(text) == at


@given(st.integers(0, 7_000_000_000_000_000), st.integers(0, 7_000_000_000_000_000))
def test_the_texts_of_instants_sort_like_the_instants(one: int, other: int) -> None:
    assert (one < other) == ((iso(one) or "") < (iso(other) or ""))


def test_the_instant_none_has_no_text() -> None:
    assert iso(None) is None


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_instant("1970-01-01T00:00:01") == SECOND
    assert parse_instant("1970-01-01T02:00:01+02:00") == SECOND
    assert parse_instant("1970-01-02") == 86_400 * SECOND
    assert from_datetime(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == 0


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "12:00"])
def test_text_that_is_not_a_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_instant(text)


def test_a_manual_clock_does_not_advance(clock: ManualClock) -> None:
    assert clock.now() == clock.now() == from_datetime(datetime(2026, 1, 5, 9, tzinfo=UTC))


def test_a_manual_clock_moves_when_it_is_moved(clock: ManualClock) -> None:
    start = clock.now()
    assert clock.advance(timedelta(seconds=2)) == start + 2 * SECOND
    assert clock.advance(timedelta(seconds=-3)) == clock.now() == start - SECOND
    clock.set(7)
    assert clock.now() == 7


def test_a_manual_clock_takes_datetimes_wherever_it_takes_instants(clock: ManualClock) -> None:
    clock.set(datetime(2026, 2, 1, tzinfo=UTC))
    assert clock.now() == from_datetime(datetime(2026, 2, 1, tzinfo=UTC))
    clock.set(datetime(2026, 2, 1, 1))  # noqa: DTZ001
    assert repr(clock) == "ManualClock('2026-02-01 01:00:00+00:00')"
    assert clock.monotonic() == from_datetime(datetime(2026, 2, 1, 1, tzinfo=UTC)) - ManualClock().now()


def test_waiting_on_a_manual_clock_moves_it_there_at_once(clock: ManualClock) -> None:
    until = clock.now() + 86_400 * SECOND
    assert not clock.wait(threading.Event(), until)
    assert clock.now() == until


def test_waiting_for_a_past_instant_does_not_move_the_clock(clock: ManualClock) -> None:
    start = clock.now()
    assert not clock.wait(threading.Event(), start - SECOND)
    assert not clock.wait(threading.Event(), None)
    assert clock.now() == start


def test_an_event_that_is_set_ends_the_wait_before_the_instant(clock: ManualClock) -> None:
    event, start = threading.Event(), clock.now()
    event.set()
    assert clock.wait(event, start + SECOND)
    assert clock.wait(event, None)
    assert clock.now() == start


def test_a_manual_clock_may_start_at_an_instant() -> None:
    assert ManualClock(5).now() == 5


def test_the_system_clock_gives_microseconds_and_does_not_wait_for_the_past() -> None:
    clock = SystemClock()
    assert datetime(2024, 1, 1, tzinfo=UTC) < to_datetime(clock.now())
    assert not clock.wait(threading.Event(), clock.now() - SECOND)


def test_the_system_clock_accepts_a_wait_for_centuries() -> None:
    event = threading.Event()
    event.set()
    assert SystemClock().wait(event, from_datetime(datetime(9000, 1, 1, tzinfo=UTC)))
    assert SystemClock().wait(event, None)


ROOT = Path(__file__).resolve().parents[1]
READERS_OF_THE_TIME = {
    "agents/lead_desk/calendar/shared_file.py": "the time is compared with that of a file",
    "blackboard/cli/data_commands/backup_commands.py": "the command `restore` has no board yet",
    "blackboard/cli/operating_commands/doctor_command.py": "`doctor` examines agents even if no board opens",
    "blackboard/server/transport/uvicorn_internals.py": "the time is for the header Date",
    "blackboard/store/postgresql/postgresql_health.py": "the time is compared with that of the server",
}


def reads_the_time(tree: ast.Module) -> bool:
    """Return whether a module reads the time of a `SystemClock` that it made itself, not as a default."""
    made = {
        ast.unparse(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == "SystemClock()"
        for target in node.targets
    }
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in ("now", "wait")
        and ast.unparse(node.value) in made | {"SystemClock()"}
        for node in ast.walk(tree)
    )


def test_modules_read_the_time_of_a_clock_that_they_are_given() -> None:
    found = {
        str(path.relative_to(ROOT))
        for package in ("blackboard", "agents")
        for path in (ROOT / package).rglob("*.py")
        if "SystemClock()" in (text := path.read_text()) and reads_the_time(ast.parse(text))
    }
    assert found == READERS_OF_THE_TIME.keys(), "a length of time is measured with `monotonic`"
