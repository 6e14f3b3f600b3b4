"""A qualified lead gets one appointment in a free slot or one conflict, never both and never twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard.core.built_in_marks import Decision
from blackboard.core.marks.mark_model import Mark, alternative_of
from blackboard.errors import AgentError, ConfigurationError, ModelError
from lead_desk.desk_marks import Appointment, BookingConflict, Qualified
from lead_desk.model_answers import Pick, Picks
from lead_desk.scheduler import publish, scheduler
from tests.desk.fake_desk import Context, settings, stored, woken

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def qualified(*times: str, subject: str = "a@x.example", score: float = 0.8) -> Qualified:
    mark = Qualified(
        subject=subject, intensity=score, lead=1, score=score, reason="r", wants="a demo", times=list(times)
    )
    found: Qualified = stored(mark, author="sales")
    return found


def booked(slot: str, mark: Qualified) -> Appointment:
    ends = (datetime.fromisoformat(slot) + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found: Appointment = stored(Appointment(subject=mark.subject, slot=slot, ends=ends, qualified=mark.id, lead=1))
    return found


def decision(answer: str, subject: str = "a@x.example", need: int | None = 7, author: str = "human") -> Decision:
    found: Decision = stored(Decision(subject=subject, answer=answer, need=need), author=author)
    return found


def scripted(*picks: tuple[int, str | None]) -> Any:
    return lambda system, data, answer: Picks(picks=[Pick(id=n, slot=slot, clash="") for n, slot in picks])


def test_a_requested_time_that_is_free_is_booked_as_an_instant(tmp_path: Path) -> None:
    (deposited,) = woken(scheduler, [qualified("2026-03-03T15:00")], Context("new", settings(tmp_path)))
    assert isinstance(deposited, Appointment)
    assert (deposited.slot, deposited.ends) == ("2026-03-03T14:00:00Z", "2026-03-03T14:30:00Z")


def test_without_a_requested_time_the_earliest_slot_after_the_notice_is_booked(tmp_path: Path) -> None:
    (deposited,) = woken(scheduler, [qualified()], Context("new", settings(tmp_path)))
    assert isinstance(deposited, Appointment)
    assert deposited.slot == "2026-03-02T09:00:00Z"


def test_of_two_requests_for_a_slot_the_first_is_booked_and_the_other_is_a_conflict(tmp_path: Path) -> None:
    one, two = qualified("2026-03-03T15:00"), qualified("2026-03-03T15:00", subject="b@x.example")
    context = Context("new", settings(tmp_path))
    deposited = woken(scheduler, [one, two], context)
    assert [(type(mark), mark.qualified) for mark in deposited] == [(Appointment, one.id), (BookingConflict, two.id)]
    assert len(context.asked) == 1
    assert deposited[1].free == ["2026-03-03T14:00", "2026-03-03T14:30", "2026-03-03T15:30"]


def test_an_appointment_has_a_conflict_as_its_alternative(tmp_path: Path) -> None:
    (deposited,) = woken(scheduler, [qualified("2026-03-03T15:00")], Context("new", settings(tmp_path)))
    alternative = alternative_of(deposited)
    assert isinstance(alternative, BookingConflict)
    assert alternative.subject == deposited.subject


def test_a_requested_time_that_is_taken_is_a_conflict_without_a_call(tmp_path: Path) -> None:
    marks_to_read = [booked("2026-03-03T14:00:00Z", qualified(subject="b@x.example"))]
    context = Context("new", settings(tmp_path), marks_to_read)
    (deposited,) = woken(scheduler, [qualified("2026-03-03T15:00")], context)
    assert isinstance(deposited, BookingConflict)
    assert context.asked == []


def test_a_qualified_mark_with_an_appointment_gets_no_second(tmp_path: Path) -> None:
    one, two = qualified(), qualified()
    context = Context("new", settings(tmp_path), [booked("2026-03-03T14:00:00Z", one)])
    (deposited,) = woken(scheduler, [one, two], context)
    assert deposited.qualified == two.id


def test_without_free_slots_a_request_is_a_conflict_without_a_call(tmp_path: Path) -> None:
    context = Context("new", settings(tmp_path, horizon="30m"))
    (deposited,) = woken(scheduler, [qualified()], context)
    assert isinstance(deposited, BookingConflict)
    assert deposited.free == []
    assert context.asked == []


def test_a_requested_time_beyond_the_horizon_is_a_conflict_without_offers(tmp_path: Path) -> None:
    (deposited,) = woken(scheduler, [qualified("2027-01-15T10:00")], Context("new", settings(tmp_path)))
    assert isinstance(deposited, BookingConflict)
    assert deposited.free == []
    assert "farther ahead" in deposited.reason


def test_an_earlier_decision_is_only_context(tmp_path: Path) -> None:
    context = Context("new", settings(tmp_path), [decision("Offer 2026-03-02T11:00")])
    (deposited,) = woken(scheduler, [qualified()], context)
    assert isinstance(deposited, Appointment)
    assert context.asked[0]["asks"][0]["decided_before"] == "Offer 2026-03-02T11:00"


def test_the_model_sees_only_a_short_list_of_free_slots(tmp_path: Path) -> None:
    context = Context("new", settings(tmp_path))
    woken(scheduler, [qualified("2026-03-04T09:00/12:00"), qualified(subject="b@x.example")], context)
    shown = [clock for clocks in context.asked[0]["free"].values() for clock in clocks.split()]
    assert len(shown) == 3 + 2 + 2


@pytest.mark.parametrize("slot", ["2026-03-03T15:30", "2026-03-07T10:00", "2020-01-01T10:00", "junk", None])
def test_a_slot_that_was_not_offered_is_not_booked(slot: str | None, tmp_path: Path) -> None:
    mark = qualified("2026-03-03T15:00")
    (deposited,) = woken(scheduler, [mark], Context("new", settings(tmp_path), answer=scripted((mark.id, slot))))
    assert isinstance(deposited, BookingConflict)


def test_a_slot_that_was_offered_to_another_is_not_booked(tmp_path: Path) -> None:
    one, two = qualified("2026-03-03T15:00"), qualified("2026-03-03T16:00", subject="b@x.example")
    answer = scripted((one.id, "2026-03-03T16:00"), (two.id, "2026-03-03T15:00"), (10**9, "2026-03-03T16:00"))
    assert [mark.kind for mark in woken(scheduler, [one, two], Context("new", settings(tmp_path), answer=answer))] == [
        "conflict"
    ] * 2


def test_a_request_without_a_pick_fails_the_activation(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        woken(scheduler, [qualified()], Context("new", settings(tmp_path), answer=scripted()))


@pytest.mark.parametrize(
    ("answer", "slot"),
    [
        ("Tuesday 15:00 is fine", "2026-03-03T14:00:00Z"),
        ("Dienstag 15 Uhr", "2026-03-03T14:00:00Z"),
        ("2026-03-05T10:30", "2026-03-05T09:30:00Z"),
        ("Saturday at 18:00", "2026-03-07T17:00:00Z"),  # a person may decide for a time outside working hours
        ("Wednesday", "2026-03-04T08:00:00Z"),
        ("2026-05-04 at 10:10", "2026-05-04T08:00:00Z"),  # the horizon does not limit a person either
        ("whatever is earliest", "2026-03-02T09:00:00Z"),
    ],
)
def test_a_decision_that_names_a_time_books_it(answer: str, slot: str, tmp_path: Path) -> None:
    mark = qualified("2026-03-03T16:00")
    (deposited,) = woken(
        scheduler, [decision(answer)], Context("decided", settings(tmp_path), [mark, decision(answer)])
    )
    assert isinstance(deposited, Appointment)
    assert (deposited.slot, deposited.qualified) == (slot, mark.id)


def test_a_decision_with_a_clear_time_needs_no_call(tmp_path: Path) -> None:
    context = Context("decided", settings(tmp_path), [qualified()])
    woken(scheduler, [decision("Offer 2026-03-05T10:30", need=None, author="coordinator")], context)
    assert context.asked == []


def test_a_decision_books_even_if_only_the_conflict_is_live(tmp_path: Path) -> None:
    conflict = stored(BookingConflict(subject="a@x.example", qualified=5, lead=4, reason="r", who="Ann"))
    (deposited,) = woken(scheduler, [decision("Tuesday 15:00")], Context("decided", settings(tmp_path), [conflict]))
    assert (deposited.qualified, deposited.lead, deposited.who) == (5, 4, "Ann")


def test_a_decision_that_cannot_be_booked_is_a_conflict_with_the_reason(tmp_path: Path) -> None:
    marks_to_read = [qualified(), booked("2026-03-03T14:00:00Z", qualified(subject="b@x.example"))]
    (deposited,) = woken(scheduler, [decision("Tuesday 15:00")], Context("decided", settings(tmp_path), marks_to_read))
    assert isinstance(deposited, BookingConflict)
    assert deposited.again


def test_a_decision_that_books_for_next_year_is_a_conflict(tmp_path: Path) -> None:
    (deposited,) = woken(
        scheduler, [decision("2027-03-02 10:00")], Context("decided", settings(tmp_path), [qualified()])
    )
    assert isinstance(deposited, BookingConflict)


def test_a_decision_against_a_meeting_books_nothing(tmp_path: Path) -> None:
    assert (
        woken(scheduler, [decision("No, cancel this one")], Context("decided", settings(tmp_path), [qualified()])) == []
    )


def test_an_unreadable_decision_becomes_a_conflict(tmp_path: Path) -> None:
    (deposited,) = woken(scheduler, [decision("hmm, purple")], Context("decided", settings(tmp_path), [qualified()]))
    assert isinstance(deposited, BookingConflict)
    assert deposited.again


def test_a_decision_without_an_open_request_does_nothing(tmp_path: Path) -> None:
    mark = qualified()
    context = Context("decided", settings(tmp_path), [mark, booked("2026-03-03T14:00:00Z", mark)])
    assert woken(scheduler, [decision("Tuesday 16:00")], context) == []
    assert woken(scheduler, [decision("Tuesday 16:00", subject="nobody")], context) == []
    assert context.asked == []


def test_a_decision_covers_all_open_requests_of_a_person(tmp_path: Path) -> None:
    one, two = qualified(score=0.7), qualified(score=0.9)
    (deposited,) = woken(scheduler, [decision("Tuesday 15:00")], Context("decided", settings(tmp_path), [one, two]))
    assert (deposited.qualified, deposited.also) == (two.id, [one.id])


def test_an_answer_to_a_need_overrides_other_decisions(tmp_path: Path) -> None:
    both = [decision("Tuesday 15:00", need=3), decision("Offer 2026-03-04T10:00", need=None, author="coordinator")]
    (deposited,) = woken(scheduler, both, Context("decided", settings(tmp_path), [qualified()]))
    assert deposited.slot == "2026-03-03T14:00:00Z"


SLOTS = st.sampled_from([f"2026-03-03T{hour:02}:{minute}" for hour in range(8, 18) for minute in ("00", "30")])


@given(st.lists(st.lists(SLOTS, max_size=2), max_size=8), st.lists(st.one_of(st.none(), SLOTS), min_size=8, max_size=8))
def test_with_any_picks_no_slot_is_booked_twice_and_each_request_is_answered(
    wanted: list[list[str]], picked: list[str | None]
) -> None:
    requests = [qualified(*times, subject=f"{n}@x.example") for n, times in enumerate(wanted)]

    def answer(system: str, data: Any, schema: type) -> Picks:
        rows = zip(data["asks"], picked, strict=False)
        return Picks(picks=[Pick(id=row["id"], slot=slot, clash="") for row, slot in rows])

    deposited = woken(scheduler, requests, Context("new", settings(Path("/nowhere")), answer=answer))
    slots = [mark.slot for mark in deposited if isinstance(mark, Appointment)]
    assert len(slots) == len(set(slots))
    assert sorted(mark.qualified for mark in deposited) == sorted(mark.id for mark in requests)


class Reader:
    board_id = "board"

    def __init__(self, *marks: Any, former: Sequence[Mapping[str, Any]] = ()) -> None:
        self.all, self.former_settings = list(marks), former

    def marks(self, kind: type[Mark]) -> list[Any]:
        return [mark for mark in self.all if isinstance(mark, kind)]


def test_publishing_twice_writes_the_same_file(tmp_path: Path) -> None:
    reader = Reader(booked("2026-03-03T14:00:00Z", qualified()))
    publish(reader, settings(tmp_path))
    first = (tmp_path / "calendar.ics").read_bytes()
    publish(reader, settings(tmp_path))
    assert (tmp_path / "calendar.ics").read_bytes() == first
    assert first.count(b"BEGIN:VEVENT") == 1


def test_a_withdrawn_appointment_is_removed_from_the_calendar(tmp_path: Path) -> None:
    publish(Reader(booked("2026-03-03T14:00:00Z", qualified())), settings(tmp_path))
    publish(Reader(), settings(tmp_path))
    assert b"VEVENT" not in (tmp_path / "calendar.ics").read_bytes()


def test_a_changed_path_moves_the_meetings_to_the_new_calendar(tmp_path: Path) -> None:
    reader = Reader(booked("2026-03-03T14:00:00Z", qualified()))
    before, after = settings(tmp_path), settings(tmp_path, calendar=str(tmp_path / "team.ics"))
    publish(reader, before)
    reader.former_settings = [before, settings(tmp_path, slot="never"), after]
    publish(reader, after)
    assert (tmp_path / "team.ics").read_bytes().count(b"BEGIN:VEVENT") == 1
    assert b"VEVENT" not in (tmp_path / "calendar.ics").read_bytes()


def test_a_new_name_of_the_same_calendar_keeps_the_meetings(tmp_path: Path) -> None:
    reader = Reader(booked("2026-03-03T14:00:00Z", qualified()))
    publish(reader, settings(tmp_path))
    (tmp_path / "link.ics").symlink_to("calendar.ics")
    reader.former_settings = [settings(tmp_path)]
    publish(reader, settings(tmp_path, calendar=str(tmp_path / "link.ics")))
    assert (tmp_path / "calendar.ics").read_bytes().count(b"BEGIN:VEVENT") == 1


def test_doctor_names_the_events_that_cannot_be_read(tmp_path: Path) -> None:
    assert scheduler.examine is not None
    file = tmp_path / "calendar.ics"
    assert [finding.state for finding in scheduler.examine(settings(tmp_path), NOW)] == ["note"], "there is none yet"
    publish(Reader(booked("2026-03-03T14:00:00Z", qualified())), settings(tmp_path))
    assert [finding.state for finding in scheduler.examine(settings(tmp_path), NOW)] == ["ok"]
    events = ("DTSTART:20260304T090000Z\nDTEND:junk", "DTSTART:junk")
    texts = (f"BEGIN:VEVENT\nUID:{number}@x\n{lines}\nEND:VEVENT\n" for number, lines in enumerate(events))
    file.write_text(f"BEGIN:VCALENDAR\n{''.join(texts)}END:VCALENDAR\n")
    found = [(finding.state, "@x" in finding.detail) for finding in scheduler.examine(settings(tmp_path), NOW)]
    assert found == [("note", True), ("wrong", True)]
    file.write_text("junk")
    assert [finding.state for finding in scheduler.examine(settings(tmp_path), NOW)] == ["wrong"]


def test_a_broken_calendar_fails_the_activation_and_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "calendar.ics").write_text("junk")
    with pytest.raises(AgentError, match="not a calendar"):
        woken(scheduler, [qualified()], Context("new", settings(tmp_path)))
    with pytest.raises(AgentError, match="not a calendar"):
        publish(Reader(), settings(tmp_path))
    assert (tmp_path / "calendar.ics").read_text() == "junk"


def test_all_wrong_settings_are_named(tmp_path: Path) -> None:
    wrong = {
        **settings(tmp_path)["lead_desk"],
        "time_zone": "Mars/Base",
        "working_hours": ["17:00", "nine"],
        "slott": "30m",
    }
    with pytest.raises(ConfigurationError) as caught:
        woken(scheduler, [qualified()], Context("new", {"lead_desk": wrong}))
    places = {mistake.place for mistake in caught.value.mistakes}
    assert places == {f"settings.lead_desk.{place}" for place in ("time_zone", "working_hours.1", "slott")}
    assert "did you mean 'slot'" in str(caught.value)
