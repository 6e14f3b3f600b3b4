"""A deposit may say when it occurred: its strength counts from then, and the board knows it from its record on."""

from __future__ import annotations

import contextlib
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from blackboard import Blackboard, Deposit, count, strength, total, watch
from blackboard.board.diagnosis import doctor
from blackboard.clock import iso
from blackboard.core.marks.decay import Curve, Decay, Exponential, Linear, Never, Power, Step
from blackboard.core.specs.deployment import Deployment
from blackboard.errors import InvalidMark, InvalidTime, KeyReused, LawConflict, OutOfOrder
from tests.support.sum_checks import check_sums
from tests.support.world import HOUR, MINUTE, SECOND, Smoke, World, inputs, kind, spec

LAWS: list[Decay] = [
    Exponential("1h"),
    Linear("4h"),
    Power("30m", 1.5),
    Step("90m"),
    Curve([("30m", 0.9), ("2h", 0.2), ("3h", 0.0)]),
    Never(),
]


def late(world: World, name: str, subject: str = "s", intensity: float = 1.0, *, by: int, **options: Any) -> Any:
    """Deposit a mark that occurred some time ago."""
    return world.put(name, subject, intensity, occurred_at=world.clock.now() - by, **options)


def events(world: World, subject: str = "s") -> list[tuple[str, int, int]]:
    """Return each event of a subject with how long ago it occurred and was recorded, in minutes."""
    rows = world.sql("SELECT event, occurred_at, recorded_at FROM event WHERE subject = ? ORDER BY id", subject)
    now = world.board.session.now()
    return [(row.event, (now - row.occurred_at) // MINUTE, (now - row.recorded_at) // MINUTE) for row in rows]


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
    told = world.put("smoke", "told", 0.8, occurred_at=then)
    marks = {mark.id: mark for mark in world.board.marks()}
    assert marks[told.mark_id].strength == pytest.approx(marks[known.mark_id].strength, rel=1e-12)
    assert told.strength == pytest.approx(0.8 * law.share(HOUR), rel=1e-12)
    for name in ("evaporates_at", "fades_from", "age_seconds", "occurred_at"):
        assert getattr(marks[told.mark_id], name) == getattr(marks[known.mark_id], name)
    assert marks[told.mark_id].deposited_at == marks[told.mark_id].recorded_at == world.board.now()
    query = "select subject, occurred_at, recorded_at from mark_history order by id"
    assert [row[:] for row in world.board.query(query)] == [
        ("known", iso(then), iso(then)),
        ("told", iso(then), iso(then + HOUR)),
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
    with pytest.raises(InvalidTime, match=r"is 5s1us ahead of the board's time .* at most 5s \(max_skew\)"):
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


def test_what_is_no_time_is_refused(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    with pytest.raises(InvalidTime, match="'yesterday' is not a time"):
        world.put("smoke", occurred_at="yesterday")


# -- repeated deposits

occurrences = st.lists(
    st.tuples(st.integers(0, 12 * HOUR), st.sampled_from([0.02, 0.1, 0.4, 1.0, 3.0])),
    min_size=2,
    max_size=5,
    unique_by=lambda pair: pair[0],
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a board that all examples of a property share; each takes a subject of its own."""
    return World(tmp_path_factory.mktemp("board") / "board.db")


subjects = (f"subject/{number}" for number in itertools.count())


@for_all(marks=occurrences, order=st.randoms(use_true_random=False), law=st.sampled_from([Exponential("1h"), Never()]))
@settings(max_examples=30, deadline=None)
def test_marks_add_up_alike_in_any_order_of_their_records(
    shared: World, marks: list[tuple[int, float]], order: Any, law: Decay
) -> None:
    name = f"sum_{law.name}"
    shared.deploy({name: kind(name, law, floor=0.01, on_repeat="add")})
    shuffled = marks.copy()
    order.shuffle(shuffled)
    found = []
    for sequence in (sorted(marks, reverse=True), shuffled):
        subject = next(subjects)
        for by, intensity in sequence:
            late(shared, name, subject, intensity, by=by)
        found.append({mark.fades_from: mark.strength for mark in shared.board.marks(subject=subject)})
        assert sum(found[-1].values()) == pytest.approx(
            sum(
                intensity * law.share(by)
                for by, intensity in marks
                if intensity * law.share(by) >= 0.01  # the others have faded by themselves
            ),
            rel=1e-9,
        )
    assert found[0] == pytest.approx(found[1], rel=1e-9)


@for_all(
    marks=occurrences,
    order=st.randoms(use_true_random=False),
    on_repeat=st.sampled_from(["replace", "max"]),
    law=st.sampled_from(LAWS),
)
@settings(max_examples=40, deadline=None)
def test_the_same_mark_shows_in_any_order_of_the_records(
    shared: World, marks: list[tuple[int, float]], order: Any, on_repeat: str, law: Decay
) -> None:
    name = f"{on_repeat}_{law.name}"
    shared.deploy({name: kind(name, law, floor=0.05, on_repeat=on_repeat)})
    shuffled = marks.copy()
    order.shuffle(shuffled)
    found = []
    for sequence in (sorted(marks, reverse=True), shuffled):
        subject = next(subjects)
        receipts = [late(shared, name, subject, intensity, by=by) for by, intensity in sequence]
        found.append([mark.strength for mark in shared.board.marks(subject=subject)])
        stale = [receipt for receipt in receipts if receipt.outcome == "stale"]
        deposited = [event for event in shared.board.history(subject) if event.payload is not None]
        unchanged = sum(receipt.outcome == "unchanged" for receipt in receipts)
        assert len(deposited) + unchanged == len(marks)
        if sequence is not shuffled or on_repeat == "max":
            assert not stale
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_an_older_deposit_is_refused_where_the_order_matters(world: World) -> None:
    world.deploy(
        {
            "capped": kind("capped", Exponential("1h"), on_repeat="add", cap=5.0),
            "linear": kind("linear", Linear("4h"), on_repeat="add"),
        }
    )
    for name, why in (
        ("capped", "its kind has a cap"),
        ("linear", r"the law linear\(lifetime=4h\) depends on the order"),
    ):
        late(world, name, by=HOUR)
        later = late(world, name, by=HOUR // 2)
        assert later.outcome == "reinforced"
        before = world.board.history("s")
        with pytest.raises(OutOfOrder, match=f"mark {later.mark_id} of {name} 's' counts from .*: {why}"):
            late(world, name, by=HOUR)
        assert world.board.history("s") == before


def test_deposits_in_the_order_of_their_occurrence_add_up_as_if_they_were_known(world: World) -> None:
    laws = {law.name: law for law in LAWS}
    world.deploy({name: kind(name, law, on_repeat="add", cap=1.5) for name, law in laws.items()})
    start = world.clock.now()
    for name in laws:
        world.put(name, "known", 0.9)
    world.advance(HOUR)
    for name in laws:
        world.put(name, "known", 0.9)
    world.advance(HOUR // 4)
    for name in laws:
        world.put(name, "told", 0.9, occurred_at=start)
        world.put(name, "told", 0.9, occurred_at=start + HOUR)
        [known], [told] = (world.board.marks(name, subject=subject) for subject in ("known", "told"))
        assert told.strength == pytest.approx(known.strength, rel=1e-12)
        assert told.evaporates_at == known.evaporates_at


def test_what_adds_nothing_more_is_a_mark_of_its_own_in_the_history(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), floor=0.1, on_repeat="add")})
    live = world.put("smoke")
    faded = late(world, "smoke", by=9 * HOUR)
    assert (faded.outcome, faded.strength) == ("deposited", 0.0)
    assert faded.mark_id != live.mark_id
    assert [mark.id for mark in world.board.marks()] == [live.mark_id]
    assert [event for event, *_ in events(world)] == ["deposited", "deposited", "evaporated"]


@pytest.mark.postgresql
def test_a_stale_deposit_is_in_the_history_and_changes_nothing(world: World) -> None:
    world.deploy(
        {"state": kind("state", Exponential("1h"), on_repeat="replace")}, spec("agent", strength("state") >= 0.1)
    )
    late(world, "state", "s", 0.5, by=MINUTE, payload={"value": "new"})
    assert world.woken("agent") is not None
    stale = late(world, "state", "s", 5.0, by=2 * MINUTE, payload={"value": "old"})
    [mark] = world.board.marks()
    assert (stale.outcome, stale.mark_id, stale.crossed) == ("stale", mark.id, ())
    assert stale.strength == mark.strength
    assert (mark.payload, mark.reinforcements) == ({"value": "new"}, 0)
    assert world.woken("agent") is None
    assert events(world) == [("deposited", 1, 0), ("stale", 2, 0)]
    [_, event] = world.board.history("s")
    assert (event.id, event.mark_id, event.intensity, event.payload) == (
        stale.event_id, mark.id, 5.0, {"value": "old"},
    )  # fmt: skip
    world.advance(SECOND)
    assert [past.payload for past in world.board.marks(at=world.clock.now() - 1)] == [{"value": "new"}]


@pytest.mark.postgresql
def test_the_deposit_that_occurred_last_decides_whatever_was_recorded_last(world: World) -> None:
    world.deploy({"state": kind("state", Exponential("1m"), on_repeat="add", floor=0.5)})
    world.put("state", intensity=0.1)  # below the floor, so no mark lives
    late(world, "state", by=HOUR)  # has faded already: a mark of its own in the history
    world.deploy({"state": kind("state", Exponential("1m"), on_repeat="replace", floor=0.5)})
    assert late(world, "state", by=MINUTE // 2).outcome == "stale"


@pytest.mark.postgresql
def test_what_was_cleared_stays_cleared(world: World) -> None:
    world.deploy({"state": kind("state", Never(), on_repeat="replace")})
    world.put("state", "cleared")
    world.put("state", "cleared", 0.0)
    world.put("state", "withdrawn")
    world.board.withdraw(world.board.marks(subject="withdrawn")[0].id)
    world.advance(HOUR)
    for subject in ("cleared", "withdrawn"):
        for by in (2 * HOUR, 3 * HOUR, 2 * HOUR):
            stale = late(world, "state", subject, by=by)
            assert (stale.outcome, stale.strength) == ("stale", 0.0)
        assert world.board.marks() == []
        world.advance(1)
        assert world.board.marks(at=world.clock.now() - 1) == []
        assert late(world, "state", subject, by=MINUTE).outcome == "deposited"
        world.board.withdraw(world.board.marks()[0].id)


def test_of_equal_times_the_later_record_counts(world: World) -> None:
    world.deploy({"state": kind("state", Never(), on_repeat="replace"), "sum": kind("sum", Never(), on_repeat="add")})
    for name in ("state", "sum"):
        for value in (1, 2):
            late(world, name, by=MINUTE, payload={"value": value})
        assert world.board.marks(name)[0].payload == {"value": 2}


@pytest.mark.parametrize("on_repeat", ["add", "max"])
def test_the_payload_that_is_latest_by_its_occurrence_shows(world: World, on_repeat: str) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("1h"), on_repeat=on_repeat)},
        spec("agent", strength("smoke") >= 1.5),
    )
    late(world, "smoke", "s", 1.0, by=MINUTE, payload={"detail": "new"})
    late_one = world.board.as_author("bob").deposit(
        "smoke", subject="s", payload={"detail": "old"}, intensity=9.0, occurred_at=world.clock.now() - HOUR
    )
    assert late_one.crossed == ("agent",)
    [mark] = world.board.marks()
    assert (mark.payload, mark.author, mark.reinforcements) == ({"detail": "new"}, "person:ada", 1)
    assert mark.occurred_at.timestamp() == world.clock.now() / 1e6 - 60
    [event] = [event for event in world.board.history("s") if event.id == late_one.event_id]
    assert (event.payload, event.author) == ({"detail": "old"}, "bob")
    [item] = world.claimed("agent").inputs
    assert item.event.payload is not None
    assert "new" in item.event.payload
    assert (item.event.author, item.event.id) == ("person:ada", late_one.event_id)
    assert item.event.occurred_at == world.clock.now() - MINUTE
    [smoke] = world.board.marks(Smoke)
    assert (smoke.detail, smoke.occurred_at) == ("new", mark.occurred_at)
    world.advance(1)
    [past] = world.board.marks(at=world.clock.now() - 1)
    assert (past.payload, past.author, past.occurred_at) == (mark.payload, mark.author, mark.occurred_at)


def test_a_late_deposit_of_another_author_on_an_agents_mark_wakes_the_agent(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("1h"), on_repeat="add")},
        spec("agent", strength("smoke") >= 0.5),
        spec("board", total("smoke", over="board") >= 0.5),
    )
    own = world.sign("agent", "smoke", "s", 1.0)
    assert own.crossed == ("board",)
    world.advance(MINUTE)
    receipt = late(world, "smoke", by=2 * MINUTE, intensity=0.1)
    assert receipt.crossed == ("agent",)
    assert world.board.marks()[0].author == "agent"
    assert world.woken("agent") == [own.mark_id]
    assert world.woken("agent") is None
    world.board.session.write(check_sums)


def test_late_deposits_are_news_by_what_the_mark_shows(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="add")}, spec("agent", total("smoke") >= 0.1))
    late(world, "smoke", by=MINUTE, payload={"detail": "a"})
    assert world.woken("agent") is not None
    world.advance(MINUTE)
    late(world, "smoke", by=HOUR, intensity=0.0, payload={"detail": "b"})
    assert world.woken("agent") is None  # it shows the same and is no stronger
    late(world, "smoke", by=HOUR, intensity=0.2, payload={"detail": "b"})
    assert world.woken("agent") is not None
    late(world, "smoke", by=0, intensity=0.0, payload={"detail": "b"})
    assert world.woken("agent") is not None


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
    world.follow()
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


# -- what the board knew

actions = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "withdraw", "sweep", "law", "floor", "follow"]),
        st.integers(0, 5),
        st.integers(0, 5 * HOUR),
        st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    ),
    max_size=12,
)


@for_all(on_repeat=st.sampled_from(["add", "max", "replace", "separate"]), actions=actions, wait=st.integers(1, HOUR))
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
            world.follow()
        else:
            law, floor = (LAWS[number], floor) if action == "law" else (law, [0.02, 0.3][number % 2])
            world.register({"smoke": kind("smoke", law, floor=floor, on_repeat=on_repeat)}, *watching)
        snapshots.append((world.board.session.now(), seen(world)))
        world.advance(1)
        world.board.session.write(check_sums, record_instant=True)
    for _ in range(2):
        for at, then in snapshots:
            assert seen(world, at) == then
        world.follow()
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
