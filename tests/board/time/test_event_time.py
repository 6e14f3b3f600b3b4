"""A deposit may say when it occurred: its strength counts from then, and the board knows it from its record on."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blackboard import Blackboard, Deposit, count, strength, total, watch
from blackboard.board.diagnosis import doctor
from blackboard.clock import iso
from blackboard.core.marks.decay import Decay, Exponential, Linear, Never, Step
from blackboard.core.specs.deployment import Deployment
from blackboard.durations import HOUR, MINUTE, SECOND
from blackboard.errors import InvalidMark, InvalidTime, KeyReused, LawConflict, OutOfOrder
from tests.board.time.late_deposits import LAWS, late
from tests.support.sum_checks import check_sums
from tests.support.world import Smoke, World, inputs, kind, spec


def strength_of(world: World, subject: str = "s") -> float:
    return sum(world.strengths().get(subject, []))


# -- strength and evaporation


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
@pytest.mark.parametrize("on_repeat", ["add", "max", "replace", "separate"])
def test_a_mark_has_the_strength_that_it_would_have_had(world: World, law: Decay, on_repeat: str) -> None:
    world.deploy({"smoke": kind("smoke", law, floor=0.05, on_repeat=on_repeat)})
    known = world.put("smoke", "known", 0.8)
    then = world.clock.now()
    world.advance(HOUR)
    late = world.put("smoke", "late", 0.8, occurred_at=then)
    marks = {mark.id: mark for mark in world.board.marks()}
    assert marks[late.mark_id].strength == pytest.approx(marks[known.mark_id].strength, rel=1e-12)
    assert late.strength == pytest.approx(0.8 * law.share(HOUR), rel=1e-12)
    for name in ("evaporates_at", "fades_from", "age_seconds", "occurred_at"):
        assert getattr(marks[late.mark_id], name) == getattr(marks[known.mark_id], name)
    assert marks[late.mark_id].deposited_at == marks[late.mark_id].recorded_at == world.board.now()
    query = "select subject, occurred_at, recorded_at from mark_history order by id"
    assert [row[:] for row in world.board.query(query)] == [
        ("known", iso(then), iso(then)),
        ("late", iso(then), iso(then + HOUR)),
    ]


@pytest.mark.postgresql
def test_what_has_faded_already_is_stored_as_deposited_and_evaporated(world: World) -> None:
    world.deploy(
        {"note": kind("note", Exponential("1h"), floor=0.1)},
        spec("reader", strength("note") >= 0.01),
        spec("all", count("note", over="board") >= 1),
    )
    receipt = late(world, "note", by=10 * HOUR)
    assert (receipt.outcome, receipt.strength, receipt.crossed) == ("deposited", 0.0, ())
    assert world.board.marks() == []
    assert world.crossings() == []
    [deposited, evaporated] = world.board.history("s")
    assert (deposited.event, evaporated.event) == ("deposited", "evaporated")
    assert deposited.recorded_at == evaporated.recorded_at == world.board.now()
    assert evaporated.occurred_at == evaporated.evaporates_at
    assert evaporated.occurred_at < evaporated.recorded_at
    assert evaporated.intensity == pytest.approx(0.1, rel=1e-3)
    world.board.session.write(check_sums)


@pytest.mark.postgresql
def test_a_mark_from_before_1970_reads_well(world: World) -> None:
    world.deploy({"note": kind("note", Never())})
    world.put("note", occurred_at="1968-10-12T11:00:00.250000Z")
    assert world.board.query("select occurred_at, fades_from from live_marks")[0][:] == (
        "1968-10-12T11:00:00.250000Z",
        "1968-10-12T11:00:00.250000Z",
    )
    [mark] = world.board.marks("note")
    assert mark.occurred_at == datetime(1968, 10, 12, 11, 0, 0, 250_000, UTC)


def test_until_counts_from_the_occurrence(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    now = world.clock.now()
    live = late(world, "smoke", "live", by=2 * HOUR, until=now + HOUR)
    gone = late(world, "smoke", "gone", by=2 * HOUR, until=now - HOUR)
    assert (live.strength, gone.strength) == (1.0, 0.0)
    assert [event.event for event in world.board.history("gone")] == ["deposited", "evaporated"]
    world.advance(HOUR)
    assert world.board.marks() == []
    with pytest.raises(InvalidMark, match="is not after occurred_at"):
        late(world, "smoke", by=HOUR, until=world.clock.now() - HOUR)
    with pytest.raises(InvalidMark, match="in the past"):
        world.put("smoke", until=world.clock.now())


# -- ahead of time


@pytest.mark.postgresql
def test_a_little_ahead_counts_as_now_and_is_counted(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    for ahead in (2 * SECOND, 5 * SECOND, 1):
        late(world, "smoke", str(ahead), by=-ahead)
    assert {mark.occurred_at for mark in world.board.marks()} == {world.board.now()}
    [finding] = [item for item in doctor.examine_board(world.board) if item.name == "skew"]
    assert finding.detail.startswith("3 deposits occurred up to 5s ahead")


def test_more_ahead_is_an_error(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    with pytest.raises(InvalidTime, match=r"is 5s1us ahead of the board's time .* at most 5s ahead \(max_skew\)"):
        late(world, "smoke", by=-5 * SECOND - 1)
    assert world.board.history("s") == []
    assert not [item for item in doctor.examine_board(world.board) if item.name == "skew"]


def test_max_skew_is_a_setting_of_the_deployment(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    wider: Deployment = world.board.deployment.model_copy(update={"max_skew": MINUTE})
    assert world.board.deploy(wider).changed == ("max_skew: 1m instead of 5s",)
    assert late(world, "smoke", by=-MINUTE).outcome == "deposited"
    with pytest.raises(InvalidTime, match="at most 1m"):
        late(world, "smoke", by=-MINUTE - 1)


def test_what_is_not_a_time_is_refused(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    with pytest.raises(InvalidTime, match="'yesterday' is not a time"):
        world.put("smoke", occurred_at="yesterday")


# -- crossings


def test_a_crossing_that_a_late_deposit_causes_is_recorded_now(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("1h"))},
        spec("one", strength("smoke") >= 0.4),
        spec("all", watch(total("smoke", over="board") >= 0.4)),
        spec("weak", strength("smoke") >= 0.6),
    )
    assert late(world, "smoke", by=HOUR).crossed == ("one", "all")
    for row in world.crossings():
        assert row.crossed_at == row.noticed_at == world.clock.now()
        assert row.value == pytest.approx(0.5)


@pytest.mark.postgresql
def test_falls_wholly_in_the_past_are_history_and_wake_nobody(world: World) -> None:
    world.deploy(
        {"beat": kind("beat", Exponential("1h"), floor=0.01)},
        spec("one", strength("beat") < 0.5),
        spec("each", total("beat") < 0.5),
        spec("all", total("beat", over="board") < 0.5),
    )
    begin = world.clock.now() - 3 * HOUR
    late(world, "beat", by=3 * HOUR)
    rows = world.crossings()
    assert [(row.state, row.crossed_at - begin, row.noticed_at) for row in rows] == [
        ("skipped", HOUR + 1, world.clock.now())
    ] * 3
    assert all(world.woken(name) is None for name in ("one", "each", "all"))
    last = world.board.explain("one", "s").last
    assert last is not None
    assert (last.state, "before it was recorded" in last.reason) == ("skipped", True)
    # From then on, a fall is a fall again.
    world.put("beat")
    world.advance(2 * HOUR)
    assert all(world.fire_all_due() >= 0 and world.woken(name) is not None for name in ("one", "each", "all"))


def test_a_mark_that_has_evaporated_fell_in_the_past_too(world: World) -> None:
    world.deploy({"beat": kind("beat", Step("1h"))}, spec("one", strength("beat") < 0.5))
    late(world, "beat", by=3 * HOUR)
    [row] = world.crossings()
    assert (row.state, row.crossed_at) == ("skipped", world.clock.now() - 2 * HOUR)
    assert world.woken("one") is None


def test_a_fall_that_is_still_to_come_comes_at_its_true_instant(world: World) -> None:
    world.deploy({"beat": kind("beat", Exponential("1h"))}, spec("one", strength("beat") < 0.25))
    begin = world.clock.now() - HOUR
    late(world, "beat", by=HOUR)
    world.advance(3 * HOUR)
    world.fire_all_due()
    [row] = world.crossings()
    assert (row.state, row.crossed_at) == ("waiting", begin + 2 * HOUR + 1)


def test_a_late_deposit_postpones_a_fall(world: World) -> None:
    world.deploy({"beat": kind("beat", Exponential("1h"), on_repeat="max")}, spec("one", strength("beat") < 0.25))
    world.put("beat")
    begin = world.clock.now()
    world.advance(HOUR + MINUTE)
    late(world, "beat", by=MINUTE)
    world.advance(HOUR + HOUR)
    world.fire_all_due()
    [row] = world.crossings()
    assert row.crossed_at == begin + 3 * HOUR + 1


def test_a_mark_that_faded_before_it_was_known_is_not_behind_a_crossing(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Linear("1h"))}, spec("agent", total("smoke") >= 0.9))
    first = world.put("smoke")
    world.advance(3 * HOUR)
    late(world, "smoke", by=2 * HOUR)
    assert inputs(world.claimed("agent")) == [first.mark_id]


# -- keys, laws, unique values, erasure


def test_the_time_is_part_of_what_a_key_stands_for(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    at = world.clock.now() - HOUR
    first = world.put("smoke", key="k", occurred_at=at)
    world.advance(MINUTE)
    again = world.put("smoke", key="k", occurred_at=iso(at))
    assert (again.outcome, again.event_id) == ("duplicate", first.event_id)
    for other in (None, at + 1):
        with pytest.raises(KeyReused):
            world.put("smoke", key="k", occurred_at=other)


def test_many_deposits_say_when_they_occurred(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="separate")})
    now = world.clock.now()
    board: Blackboard = world.board
    board.deposit_many([Deposit("smoke", "a", {}, occurred_at=now - HOUR), Smoke(subject="b")])
    board.deposit_many([Smoke(subject="c"), Deposit("smoke", "d", {})], occurred_at=[now - HOUR, None])
    assert {name: values[0] for name, values in world.strengths().items()} == {"a": 0.5, "b": 1.0, "c": 0.5, "d": 1.0}
    with pytest.raises(ValueError, match="occurred_at is shorter than items"):
        board.deposit_many([Smoke(subject="e")], occurred_at=[])
    results = board.deposit_many([Smoke(subject="e")], occurred_at=["never"], on_error="return")
    assert [type(result) for result in results] == [InvalidTime]


def test_a_named_law_is_compared_as_of_the_occurrence(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="max")})
    end = world.clock.now() + HOUR
    late(world, "smoke", by=HOUR, until=end)
    assert late(world, "smoke", by=2 * HOUR, intensity=2.0, until=end).outcome == "reinforced"
    [mark] = world.board.marks()
    assert (mark.strength, mark.evaporates_at.timestamp() * 1e6 if mark.evaporates_at else 0) == (2.0, end)
    with pytest.raises(LawConflict):
        late(world, "smoke", by=HOUR, until=end + 1)


def test_a_deposit_from_before_a_change_of_the_law_fades_by_the_present_one(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="add")}, spec("all", count("smoke") >= 9))
    world.put("smoke", "old")
    world.advance(HOUR)
    world.register({"smoke": kind("smoke", Exponential("2h"), on_repeat="add", floor=0.02)})
    world.advance(HOUR)
    late(world, "smoke", "new", by=2 * HOUR)
    late(world, "smoke", "old", by=2 * HOUR)
    before = world.strengths()
    assert before["new"] == [pytest.approx(0.5)]
    assert before["old"] == [pytest.approx(0.5 * 2**-0.5 + 0.5)]
    world.run_backfill()
    assert {name: pytest.approx(values) for name, values in world.strengths().items()} == before


def test_a_mark_that_faded_before_it_was_known_takes_no_unique_value(world: World) -> None:
    world.deploy({"slot": kind("slot", Step("1h"), on_repeat="separate", unique="at")})
    live = world.put("slot", "a", payload={"at": "noon"})
    assert late(world, "slot", "b", by=2 * HOUR, payload={"at": "noon"}).strength == 0.0
    assert [mark.id for mark in world.board.marks()] == [live.mark_id]
    with pytest.raises(InvalidMark, match="noon"):
        late(world, "slot", "b", by=MINUTE, payload={"at": "noon"})
    world.board.withdraw(live.mark_id)
    assert late(world, "slot", "b", by=MINUTE, payload={"at": "noon"}).outcome == "deposited"


def test_a_unique_value_is_that_of_the_payload_that_shows(world: World) -> None:
    world.deploy({"slot": kind("slot", Exponential("1h"), on_repeat="add", unique="at")})
    late(world, "slot", "a", by=0, payload={"at": "noon"})
    late(world, "slot", "a", by=MINUTE, payload={"at": "ten"})
    world.put("slot", "b", payload={"at": "ten"})
    with pytest.raises(InvalidMark, match="noon"):
        world.put("slot", "c", payload={"at": "noon"})


def test_late_and_stale_words_are_forgotten(world: World) -> None:
    world.deploy({"state": kind("state", Exponential("1h"), on_repeat="replace")})
    world.put("state", payload={"text": "secret one"})
    late(world, "state", by=MINUTE, payload={"text": "secret two"})
    report = world.board.forget("s")
    assert report.events >= 2
    assert not [row for row in world.sql("SELECT payload FROM event") if row.payload and "secret" in row.payload]
    assert late(world, "state", by=MINUTE).outcome == "deposited"


actions = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "withdraw", "sweep", "law", "floor", "follow"]),
        st.integers(0, 5),
        st.integers(0, 5 * HOUR),
        st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    ),
    max_size=12,
)


# -- what the board knew


@given(on_repeat=st.sampled_from(["add", "max", "replace", "separate"]), actions=actions, wait=st.integers(1, HOUR))
@settings(max_examples=30, deadline=None)
def test_a_past_reading_is_what_the_board_knew(
    on_repeat: str, actions: list[tuple[str, int, int, float]], wait: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = World(tmp_path_factory.mktemp("board") / "board.db")
    law, floor = LAWS[0], 0.02
    watching = [spec("sum", total("smoke", over="board") >= 1.2), spec("cold", total("smoke") < 0.3)]
    world.deploy({"smoke": kind("smoke", law, floor=floor, on_repeat=on_repeat)}, *watching)
    snapshots = []
    for action, number, by, intensity in actions:
        world.advance(wait)
        if action == "put":
            with contextlib.suppress(OutOfOrder):
                late(world, "smoke", "ab"[number % 2], intensity, by=by, payload={"value": number})
        elif action == "withdraw":
            if live := world.board.marks():
                world.board.withdraw(live[number % len(live)].id)
        elif action == "sweep":
            world.evaporate()
        elif action == "follow":
            world.run_backfill()
        else:
            law, floor = (LAWS[number], floor) if action == "law" else (law, [0.02, 0.3][number % 2])
            world.register({"smoke": kind("smoke", law, floor=floor, on_repeat=on_repeat)}, *watching)
        snapshots.append((world.board.session.now(), seen(world)))
        world.advance(1)
        world.board.session.write(check_sums, record_instant=True)
    for _ in range(2):
        for at, then in snapshots:
            assert seen(world, at) == then
        world.run_backfill()
    ahead = world.board.session.now() + wait
    forecast = seen(world, ahead)
    world.clock.set(ahead)
    assert seen(world) == forecast
    world.close()


def seen(world: World, at: int | None = None) -> dict[int, Any]:
    return {
        mark.id: (pytest.approx(mark.strength, rel=1e-9), mark.payload, mark.occurred_at, mark.reinforced_at)
        for mark in world.board.marks(at=at)
    }
