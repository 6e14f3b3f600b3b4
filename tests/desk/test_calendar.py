"""Events of others are read and never changed; own events follow from marks; slots avoid both."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from blackboard.errors import AgentError
from lead_desk import calendar_file
from lead_desk.calendar_file import Meeting, read_busy_times, write_meetings
from lead_desk.desk_settings import DeskSettings
from lead_desk.free_slots import find_free_slots, is_free, matching_slots, nearest_slots
from lead_desk.requested_time import RequestedTime, parse_requested_time

BERLIN = ZoneInfo("Europe/Berlin")
SAMPLE = files("lead_desk").joinpath("samples", "calendar.ics").read_bytes()


def at(day: int, hour: int = 0, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


def meeting(number: int = 1, start: datetime | None = None) -> Meeting:
    start = start or at(3, 15)
    return Meeting(
        number, start, start + timedelta(minutes=30), f"Meeting {number}", "a demo", datetime(2026, 3, 2, tzinfo=UTC)
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "calendar.ics"
    path.write_bytes(SAMPLE)
    return path


def test_recurring_and_all_day_events_block_but_cancelled_and_transparent_events_do_not(file: Path) -> None:
    spans = read_busy_times(file, at(2), at(28), BERLIN)
    assert (at(9, 9), at(9, 10)) in spans  # weekly meeting
    assert (at(11, 12), at(11, 13)) in spans  # daily lunch, given by its duration
    assert (at(27), at(28)) in spans  # the last Friday of the month, all day
    assert not any(start < at(5, 15) < end for start, end in spans)  # cancelled
    assert not any(start <= at(10) and end >= at(11) for start, end in spans)  # a birthday blocks nothing


def test_a_recurring_event_keeps_its_wall_time_over_a_clock_change(file: Path) -> None:
    spans = read_busy_times(file, at(23), at(31), BERLIN)
    assert [start.astimezone(UTC).hour for start, _ in spans if start.astimezone(BERLIN).hour == 9] == [8, 7]


def test_times_without_a_zone_are_read_in_the_zone_of_the_desk(tmp_path: Path) -> None:
    path = tmp_path / "c.ics"
    path.write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
        "DTSTART:20260303T100000\r\nDTEND:20260303T110000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    assert read_busy_times(path, at(2), at(5), BERLIN) == [(at(3, 10), at(3, 11))]


def test_a_missing_file_blocks_nothing_and_is_created(tmp_path: Path) -> None:
    path = tmp_path / "new.ics"
    assert read_busy_times(path, at(2), at(9), BERLIN) == []
    assert write_meetings(path, []) is False
    assert not path.exists()
    assert write_meetings(path, [meeting()])
    assert Calendar.from_ical(path.read_bytes()).walk("VEVENT")[0]["SUMMARY"] == "Meeting 1"


def test_foreign_content_survives_byte_for_byte(file: Path) -> None:
    write_meetings(file, [meeting(1), meeting(2, at(4, 10))])
    assert file.read_bytes() != SAMPLE
    write_meetings(file, [])
    assert file.read_bytes() == SAMPLE


def test_own_events_are_exactly_the_meetings_and_do_not_block(file: Path) -> None:
    write_meetings(file, [meeting(1), meeting(2, at(4, 10))])
    write_meetings(file, [meeting(2, at(4, 11))])
    own = [e for e in Calendar.from_ical(file.read_bytes()).events if str(e["UID"]).startswith("appointment-")]
    assert [(str(e["UID"]), e.start) for e in own] == [("appointment-2@lead-desk.blackboard", at(4, 11))]
    assert read_busy_times(file, at(4, 10), at(4, 12), BERLIN) == []


def test_rewriting_the_same_meetings_does_not_touch_the_file(file: Path) -> None:
    assert write_meetings(file, [meeting(1), meeting(2)])
    before = file.stat()
    assert write_meetings(file, [meeting(2), meeting(1)]) is False
    assert file.stat() == before


def test_the_file_keeps_its_mode_and_no_temporary_file_remains(file: Path) -> None:
    file.chmod(0o640)
    write_meetings(file, [meeting()])
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_concurrent_changes_by_another_program_are_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = SAMPLE.replace(b"Team meeting", b"Team lunch!!")
    reads = iter([SAMPLE, changed])
    real = calendar_file.read_file

    def read(path: Path) -> bytes | None:
        return next(reads, None) or real(path)

    monkeypatch.setattr(calendar_file, "read_file", read)
    file.write_bytes(changed)
    assert write_meetings(file, [meeting()])
    assert b"Team lunch!!" in file.read_bytes()
    assert b"Meeting 1" in file.read_bytes()


@pytest.mark.parametrize(
    "junk", [b"", b"junk", b"\xff\xfe\x00", SAMPLE + SAMPLE, SAMPLE[:300], b"BEGIN:VEVENT\r\nEND:VEVENT\r\n"]
)
def test_a_file_that_is_not_a_calendar_is_named_and_not_changed(junk: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.ics"
    path.write_bytes(junk)
    with pytest.raises(AgentError, match=r"bad\.ics"):
        write_meetings(path, [meeting()])
    with pytest.raises(AgentError, match=r"bad\.ics"):
        read_busy_times(path, at(2), at(9), BERLIN)
    assert path.read_bytes() == junk


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="cannot be written"):
        write_meetings(tmp_path / "no" / "c.ics", [meeting()])


def test_slots_are_in_working_hours_and_after_the_notice() -> None:
    desk = DeskSettings.model_validate({"time_zone": "Europe/Berlin", "horizon": "7d"})
    free = find_free_slots(desk, [], at(6, 16))  # a Friday
    assert free[:2] == [at(9, 9), at(9, 9, 30)]  # a meeting would end after 17:00
    assert free[-1] == at(13, 16)
    assert {start.weekday() for start in free} == set(range(5))


def test_a_day_of_a_clock_change_has_the_same_existing_wall_times() -> None:
    desk = DeskSettings.model_validate(
        {"time_zone": "Europe/Berlin", "working_hours": ["00:00", "05:00"], "working_days": ["sun"], "slot": "1h"}
    )
    free = find_free_slots(desk, [], at(28, 12))
    assert [start.hour for start in free[:4]] == [0, 1, 3, 4]
    assert all(is_free(start, desk.slot, [(other, other + timedelta(minutes=1))]) for start, other in pairwise(free))


def test_an_exact_time_is_matched_by_the_slot_that_contains_it() -> None:
    free, half = [at(3, 15), at(3, 15, 30)], timedelta(minutes=30)
    assert matching_slots(RequestedTime(at(3, 15, 10)), free, half) == [at(3, 15)]
    assert matching_slots(RequestedTime(at(3, 14, 59)), free, half) == []
    window = parse_requested_time("2026-03-03T15:00/16:00", BERLIN)
    assert window is not None
    assert matching_slots(window, free, half) == free
    assert nearest_slots(RequestedTime(at(3, 15, 30)), free, 1) == [at(3, 15, 30)]


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), max_size=15),
    st.sampled_from(["15m", "30m", "45m", "1h"]),
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
    st.integers(1, 365),
)
def test_no_free_slot_overlaps_a_busy_time_or_another_slot(
    blocks: list[tuple[int, int]], slot: str, zone: str, day: int
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    taken = [(now + timedelta(hours=start), now + timedelta(hours=start + length)) for start, length in blocks]
    desk = DeskSettings.model_validate({"time_zone": zone, "slot": slot, "horizon": "7d"})
    free = find_free_slots(desk, taken, now)
    assert all(is_free(start, desk.slot, taken) for start in free)
    assert all(later.astimezone(UTC) - start.astimezone(UTC) >= desk.slot for start, later in pairwise(free))


def test_a_decided_time_may_be_outside_working_hours_on_the_same_grid() -> None:
    desk = DeskSettings.model_validate({"time_zone": "Europe/Berlin", "working_hours": ["09:15", "17:00"]})
    anytime = find_free_slots(desk.open_all_day(), [], at(6, 9))
    assert at(7, 18, 15) in anytime
    assert {start.minute for start in anytime} == {15, 45}
