"""Events of others are read and never changed; own events follow from marks; slots avoid both."""

from __future__ import annotations

import errno
import os
import stat
import threading
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from blackboard.errors import AgentError, ConfigurationError
from blackboard.system.files import file_owners
from lead_desk.calendar import calendar_file, calendar_text, shared_file
from lead_desk.calendar.calendar_file import Meeting, read_busy_times, write_meetings
from lead_desk.desk_settings import DeskSettings
from lead_desk.free_slots import find_free_slots, is_free, matching_slots, nearest_slots
from lead_desk.language.requested_time import RequestedTime, parse_requested_time
from tests.desk.fake_desk import BERLIN, at
from tests.support.threads import join_all

SAMPLE = files("lead_desk").joinpath("samples", "calendar.ics").read_bytes()


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
    assert write_meetings(path, [], "b1") is False
    assert not path.exists()
    assert write_meetings(path, [meeting()], "b1")
    assert Calendar.from_ical(path.read_bytes()).walk("VEVENT")[0]["SUMMARY"] == "Meeting 1"


def test_foreign_content_survives_byte_for_byte(file: Path) -> None:
    write_meetings(file, [meeting(1), meeting(2, at(4, 10))], "b1")
    assert file.read_bytes() != SAMPLE
    write_meetings(file, [], "b1")
    assert file.read_bytes() == SAMPLE


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff"), ("utf-32-le", "\ufeff"), ("utf-16-le", ""), ("utf-16-be", "")],
)
def test_a_calendar_in_another_unicode_encoding_keeps_it(encoding: str, mark: str, tmp_path: Path) -> None:
    path = tmp_path / "c.ics"
    event = "BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:K\u00fchn \U0001f600\r\nDTSTART:20260304T080000Z\r\nEND:VEVENT\r\n"
    before = (mark + f"BEGIN:VCALENDAR\r\n{event}END:VCALENDAR\r\n").encode(encoding)
    path.write_bytes(before)
    assert read_busy_times(path, at(4), at(5), BERLIN) == [(at(4, 9), at(4, 10))]
    assert write_meetings(path, [meeting(1)], "b1")
    text = path.read_bytes().decode(encoding)
    assert text.startswith(mark)
    assert event in text
    assert "appointment-1.b1@" in text
    assert read_busy_times(path, at(4), at(5), BERLIN, "b1") == [(at(4, 9), at(4, 10))]
    assert write_meetings(path, [meeting(1)], "b1") is False
    write_meetings(path, [], "b1")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"junk", "it has no VCALENDAR"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "it ends within a VCALENDAR"),
        ("\ufeffBEGIN:VCALENDAR\r\n".encode("utf-16-le") + b"\n", "it is damaged UTF-16-LE text, from byte 34"),
    ],
)
def test_a_file_that_is_not_a_calendar_is_refused_with_the_reason(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "c.ics"
    path.write_bytes(content)
    with pytest.raises(AgentError, match=rf"c\.ics is not a calendar \({reason}\); correct the file"):
        read_busy_times(path, at(4), at(5), BERLIN)
    with pytest.raises(AgentError, match=rf"c\.ics is not a calendar \({reason}\); correct the file"):
        write_meetings(path, [meeting(1)], "b1")
    assert path.read_bytes() == content


def test_own_events_are_exactly_the_meetings_and_do_not_block(file: Path) -> None:
    write_meetings(file, [meeting(1), meeting(2, at(4, 10))], "b1")
    write_meetings(file, [meeting(2, at(4, 11))], "b1")
    own = [e for e in Calendar.from_ical(file.read_bytes()).events if str(e["UID"]).startswith("appointment-")]
    assert [(str(e["UID"]), e.start) for e in own] == [("appointment-2.b1@lead-desk.blackboard", at(4, 11))]
    assert read_busy_times(file, at(4, 10), at(4, 12), BERLIN, "b1") == []


def test_rewriting_the_same_meetings_does_not_touch_the_file(file: Path) -> None:
    assert write_meetings(file, [meeting(1), meeting(2)], "b1")
    before, _ = shared_file.file_signature(file)
    assert write_meetings(file, [meeting(2), meeting(1)], "b1") is False
    assert shared_file.file_signature(file)[0] == before


def test_the_file_keeps_its_mode_and_no_temporary_file_remains(file: Path) -> None:
    file.chmod(0o640)
    write_meetings(file, [meeting()], "b1")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_concurrent_changes_by_another_program_are_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = SAMPLE.replace(b"Team meeting", b"Team lunch!!")
    reads = iter([SAMPLE, changed])
    real = shared_file.read_file

    def read(path: Path) -> bytes | None:
        return next(reads, None) or real(path)

    monkeypatch.setattr(calendar_file, "read_file", read)
    file.write_bytes(changed)
    assert write_meetings(file, [meeting()], "b1")
    assert b"Team lunch!!" in file.read_bytes()
    assert b"Meeting 1" in file.read_bytes()


@pytest.mark.parametrize("junk", [b"", b"junk", b"\xff\xfe\x00", SAMPLE[:300], b"BEGIN:VEVENT\r\nEND:VEVENT\r\n"])
def test_a_file_that_is_not_a_calendar_is_named_and_not_changed(junk: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.ics"
    path.write_bytes(junk)
    with pytest.raises(AgentError, match=r"bad\.ics"):
        write_meetings(path, [meeting()], "b1")
    with pytest.raises(AgentError, match=r"bad\.ics"):
        read_busy_times(path, at(2), at(9), BERLIN)
    assert path.read_bytes() == junk


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="cannot be written"):
        write_meetings(tmp_path / "no" / "c.ics", [meeting()], "b1")


def test_meetings_of_other_boards_are_kept_and_are_busy(file: Path) -> None:
    write_meetings(file, [meeting(1)], "north")
    write_meetings(file, [meeting(1, at(4, 10))], "south")
    write_meetings(file, [meeting(2, at(5, 15))], "north")
    events = Calendar.from_ical(file.read_bytes()).events
    uids = [uid for event in events if (uid := str(event["UID"])).startswith("appointment")]
    assert uids == ["appointment-1.south@lead-desk.blackboard", "appointment-2.north@lead-desk.blackboard"]
    assert (at(4, 10), at(4, 10, 30)) in read_busy_times(file, at(4), at(5), BERLIN, "north")
    assert (at(4, 10), at(4, 10, 30)) not in read_busy_times(file, at(4), at(5), BERLIN, "south")
    assert (at(5, 15), at(5, 15, 30)) in read_busy_times(file, at(5), at(6), BERLIN, "south")


def test_own_events_are_known_in_a_file_that_another_program_has_folded(file: Path) -> None:
    board = "0123456789abcdef" * 2
    write_meetings(file, [meeting(123456789)], board)
    assert max(map(len, file.read_bytes().splitlines())) <= 75
    file.write_bytes(file.read_bytes().replace(b"UID:appoint", b"UID:app\r\n oint"))
    assert write_meetings(file, [], board)
    assert file.read_bytes() == SAMPLE


def test_two_calendars_in_one_file_get_the_meetings_once(file: Path) -> None:
    file.write_bytes(SAMPLE + SAMPLE)
    write_meetings(file, [meeting(1)], "b1")
    write_meetings(file, [meeting(2)], "b1")
    assert file.read_bytes().count(b"appointment-") == 1
    write_meetings(file, [], "b1")
    assert file.read_bytes() == SAMPLE + SAMPLE


def test_a_file_that_has_not_changed_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []
    parsed: list[int] = []

    def read(path: Path) -> bytes | None:
        reads.append(path)
        return shared_file.read_file(path)

    def components(raw: bytes) -> calendar_text.Component:
        parsed.append(len(raw))
        return calendar_text.read_components(raw)

    monkeypatch.setattr(calendar_file, "read_file", read)
    monkeypatch.setattr(calendar_file, "read_components", components)
    monkeypatch.setattr(shared_file, "FILE_TIME_STEP_NANOSECONDS", -1)  # this file was written just now
    first = read_busy_times(file, at(2), at(9), BERLIN, "b1")
    assert read_busy_times(file, at(2), at(9), BERLIN, "b1") == first
    assert len(reads) == 1
    write_meetings(file, [meeting()], "b1")
    read_busy_times(file, at(2), at(9), BERLIN, "b1")
    assert len(parsed) == 1, "its own meetings are no reason to understand it again"
    file.write_bytes(file.read_bytes().replace(b"T090000", b"T080000"))
    assert read_busy_times(file, at(2), at(9), BERLIN, "b1") != first


def test_a_change_right_after_the_reading_is_noticed(file: Path) -> None:
    before = file.stat()
    read_busy_times(file, at(9), at(10), BERLIN)
    content = file.read_bytes().replace(b"T090000", b"T080000")
    with file.open("r+b") as same:
        same.write(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (at(9, 8), at(9, 10)) in read_busy_times(file, at(9), at(10), BERLIN)


def test_a_link_keeps_its_target(file: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "links").mkdir()
    target = file.rename(tmp_path / "far" / "real.ics")
    (tmp_path / "links" / "second.ics").symlink_to("../far/real.ics")
    file.symlink_to("links/second.ics")
    write_meetings(file, [meeting()], "b1")
    assert file.is_symlink()
    assert b"Meeting 1" in target.read_bytes()
    assert sorted(path.name for path in (tmp_path / "far").iterdir()) == ["real.ics"]
    (tmp_path / "new.ics").symlink_to("far/new.ics")
    write_meetings(tmp_path / "new.ics", [meeting()], "b1")
    assert (tmp_path / "far" / "new.ics").is_file()


@pytest.mark.parametrize("place", ["link", "folder", "sticky"])
def test_nothing_is_written_through_a_link_that_another_user_could_place(
    file: Path, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    link = shared / "calendar.ics"
    link.symlink_to(file)
    foreign = link if place == "link" else shared
    shared.chmod(0o1777 if place == "sticky" else 0o700)

    def owned(path: Path) -> os.stat_result:
        status = os.lstat(path)
        if Path(path) == foreign and place != "sticky":
            status = os.stat_result((*status[:4], 4711, *status[5:]))
        return status

    monkeypatch.setattr(file_owners, "status_of", owned)
    if place == "sticky":
        assert write_meetings(link, [meeting()], "b1"), "nobody else can have put this user's link there"
        return
    with pytest.raises(AgentError, match=r"symbolic link .*calendar\.ics"):
        write_meetings(link, [meeting()], "b1")
    assert file.read_bytes() == SAMPLE


def test_a_loop_of_links_and_a_pipe_are_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop.ics"
    loop.symlink_to("loop.ics")
    os.mkfifo(tmp_path / "pipe.ics")
    for name in ("loop.ics", "pipe.ics"):
        with pytest.raises(AgentError, match=name):
            read_busy_times(tmp_path / name, at(2), at(9), BERLIN)
        with pytest.raises(AgentError, match=name):
            write_meetings(tmp_path / name, [meeting()], "b1")


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV])
def test_a_file_that_is_a_mount_is_written_in_place(file: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    inode = file.stat().st_ino

    def refuse(source: str, target: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", refuse)
    write_meetings(file, [meeting(1), meeting(2)], "b1")
    write_meetings(file, [], "b1")
    assert file.read_bytes() == SAMPLE
    assert file.stat().st_ino == inode
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_only_this_user_reads_a_new_file_unless_a_mode_shares_it(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        write_meetings(tmp_path / "own.ics", [meeting()], "b1")
        write_meetings(tmp_path / "shared.ics", [meeting()], "b1", 0o664)
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "own.ics").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "shared.ics").stat().st_mode) == 0o664
    assert write_meetings(tmp_path / "own.ics", [meeting()], "b1", 0o640)
    assert write_meetings(tmp_path / "own.ics", [meeting()], "b1", 0o640) is False
    assert stat.S_IMODE((tmp_path / "own.ics").stat().st_mode) == 0o640
    write_meetings(tmp_path / "own.ics", [meeting(2)], "b1", 0o644)
    assert stat.S_IMODE((tmp_path / "own.ics").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("value", "mode"), [("0640", 0o640), ("664", 0o664), (0o600, 0o600), ("0o660", 0o660), (None, None)]
)
def test_the_mode_is_written_as_chmod_takes_it(value: Any, mode: int | None) -> None:
    assert DeskSettings.model_validate({"calendar_mode": value} if value is not None else {}).calendar_mode == mode


@pytest.mark.parametrize("value", ["0440", "0777", "rw", 640, 7777, -1, "06400", 0o40, 1.5])
def test_a_mode_that_is_none_is_named(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="calendar_mode"):
        DeskSettings.from_settings({"lead_desk": {"calendar_mode": value}})


def test_two_desks_that_write_at_once_lose_no_meeting(file: Path) -> None:
    def write(board: str) -> None:
        for number in range(1, 11):
            write_meetings(file, [meeting(other) for other in range(number)], board)

    threads = [threading.Thread(target=write, args=(board,)) for board in ("north", "south", "west")]
    for thread in threads:
        thread.start()
    join_all(*threads)
    assert file.read_bytes().count(b"UID:appointment-") == 30


def test_a_calendar_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_file, "MAX_BYTES", 100)
    (tmp_path / "c.ics").write_bytes(SAMPLE)
    with pytest.raises(AgentError, match="larger"):
        read_busy_times(tmp_path / "c.ics", at(2), at(9), BERLIN)


def test_a_reading_costs_no_more_than_a_line_of_its_longest_text(tmp_path: Path) -> None:
    """A long attachment is many folded lines. They are not joined one by one."""
    attachment = b"ATTACH;ENCODING=BASE64:" + b"\r\n ".join([b"QUJD" * 18] * 20_000)
    path = tmp_path / "c.ics"
    path.write_bytes(SAMPLE.replace(b"SUMMARY:Lunch", attachment))
    assert (at(11, 12), at(11, 13)) in read_busy_times(path, at(2), at(28), BERLIN)


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
