"""Deposits on one mark give the same mark in whatever order they are recorded, if their kind allows this."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blackboard import strength, total
from blackboard.core.marks.decay import Decay, Exponential, Linear, Never
from blackboard.durations import HOUR, MINUTE, SECOND
from blackboard.errors import OutOfOrder
from tests.board.time.late_deposits import LAWS, late
from tests.support.sum_checks import check_sums
from tests.support.world import Smoke, World, kind, spec


def events(world: World, subject: str = "s") -> list[tuple[str, int, int]]:
    """Return each event of a subject with how long ago it occurred and was recorded, in minutes."""
    rows = world.sql("SELECT event, occurred_at, recorded_at FROM event WHERE subject = ? ORDER BY id", subject)
    now = world.board.session.now()
    return [(row.event, (now - row.occurred_at) // MINUTE, (now - row.recorded_at) // MINUTE) for row in rows]


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


@given(marks=occurrences, order=st.randoms(use_true_random=False), law=st.sampled_from([Exponential("1h"), Never()]))
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


@given(
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
        world.put(name, "late", 0.9, occurred_at=start)
        world.put(name, "late", 0.9, occurred_at=start + HOUR)
        [known], [late] = (world.board.marks(name, subject=subject) for subject in ("known", "late"))
        assert late.strength == pytest.approx(known.strength, rel=1e-12)
        assert late.evaporates_at == known.evaporates_at


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
