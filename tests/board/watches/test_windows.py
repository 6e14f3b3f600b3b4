"""Windows: conditions over the deposits of the last 10 minutes, as watches that rise and fall, and as guards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from blackboard import count, strength, total, watch
from blackboard.board.board_clock import clock_confirmation
from blackboard.board.housekeeping import retention
from blackboard.clock import from_datetime, iso
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.marks.decay import Exponential
from blackboard.durations import HOUR, MINUTE, SECOND
from blackboard.errors import InvalidCondition
from blackboard.presentation.explanation_lines import explanation_lines
from tests.board.watches.windowed_watches import BEAT, LASTING
from tests.support.board_steps import in_transaction
from tests.support.world import World, kind, spec

# -- text ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (count("error", within="10m") >= 5, 'count("error", within="10m") >= 5'),
        (total("cost", over="board", within="90m") < 100, 'total("cost", over="board", within="1h30m") < 100'),
        (
            count("a", "b", subject="lead/*", within="1h") >= 1,
            'count("a", "b", subject="lead/*", within="1h") >= 1',
        ),
        (
            (count("a", within="1h") >= 2) & (strength("a") >= 0.5),
            '(count("a", within="1h") >= 2) & (strength("a") >= 0.5)',
        ),
    ],
)
def test_a_window_has_one_text(condition: Condition, text: str) -> None:
    assert str(condition) == text
    assert parse_condition(text) == condition


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('strength(a, within="1m") >= 1', "strength measures live marks, so it has no within; only total and count"),
        ('strongest(a, within="1m") >= 1', "strongest measures live marks, so it has no within"),
        ('count(a, within="0s") >= 1', "within must be longer than 0s"),
        ('count(a, within="10") >= 1', "a bare number has no unit"),
        ("count(a, within=m) >= 1", "expected a duration in quotes for within, found 'm'"),
        ('count(a, within="1m", within="2m") >= 1', "each once"),
    ],
)
def test_a_wrong_window_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidCondition, match=message):
        parse_condition(text)


# -- falling watches and guards ------------------------------------------------------------------------------------


def test_a_falling_watch_fires_when_nothing_came_for_an_hour(world: World) -> None:
    world.deploy(BEAT, spec("silent", count("beat", within="1h") < 1))
    first = world.put("beat", "a")
    world.advance(40 * MINUTE)
    world.put("beat", "a")
    world.advance(HOUR - 1)
    assert world.fire_due() == 0
    world.advance(10 * MINUTE)
    assert world.fire_due() == 1
    [crossing] = world.crossings()
    assert crossing.crossed_at == world.clock.now() - 10 * MINUTE + 1
    assert (crossing.scope, crossing.value, crossing.noticed_at) == ("a", 0.0, world.clock.now())
    claim = world.claimed("silent")
    assert claim.subjects == ("a",)
    assert [item.event.mark_id for item in claim.inputs] != [first.mark_id]  # the last beat
    world.finish(claim)
    world.advance(5 * HOUR)
    assert world.fire_due() == 0
    world.put("beat", "a")
    world.advance(HOUR)
    assert world.fire_due() == 1


def test_a_guard_with_a_window_opens_and_closes_by_itself(world: World) -> None:
    kinds = BEAT | LASTING
    world.deploy(kinds, spec("pager", strength("alarm") >= 0.5, unless=count("beat", within="10m") >= 2))
    world.put("beat", "a")
    world.advance(MINUTE)
    world.put("beat", "a")
    world.put("alarm", "a")
    assert world.claim("pager") is None
    [held] = world.crossings()
    assert (held.held_by, held.ready_at) == ("guard", world.clock.now() + 9 * MINUTE)
    world.advance(9 * MINUTE)
    assert world.claim("pager") is not None


def test_a_sequence_wakes_only_if_the_first_came_within_the_hour(world: World) -> None:
    kinds = BEAT | LASTING
    world.deploy(kinds, spec("second", strength("alarm") >= 0.5, only_if=count("beat", within="1h") >= 1))
    world.put("alarm", "a")
    assert world.claim("second") is None
    world.put("beat", "b")
    assert world.claim("second") is None
    world.put("beat", "a", occurred_at=world.clock.now() - 50 * MINUTE)
    assert world.claim("second") is not None
    world.put("alarm", "b")
    world.advance(HOUR + SECOND)
    assert world.claim("second") is None


# -- rising watches ------------------------------------------------------------------------------------------------


def crossed(world: World) -> list[tuple[str, int]]:
    """Return the subject of each crossing, and how long ago it was."""
    now = world.board.session.now()
    return [(row.scope, now - row.crossed_at) for row in world.crossings()]


def test_a_window_crosses_from_below_only_and_again_after_it_has_been_below(world: World) -> None:
    world.deploy(BEAT, spec("many", count("beat", within="10m") >= 3))
    names = [world.put("beat", "a").crossed for _ in range(5)]
    assert names == [(), (), ("many",), (), ()]
    assert world.claimed("many").subjects == ("a",)
    world.advance(10 * MINUTE - 1)
    assert world.put("beat", "a").crossed == ()  # five are still in the window
    world.advance(1)
    assert world.put("beat", "a").crossed == ()
    assert world.put("beat", "a").crossed == ("many",)


def test_a_reinforcement_is_not_counted_as_a_deposit(world: World) -> None:
    many = spec("many", count("beat", within="10m") >= 2)
    world.deploy(BEAT, many)
    mark_id = world.put("beat", "a").mark_id
    assert world.board.reinforce(mark_id, by=0.5).crossed == ()
    world.deploy(BEAT)
    world.deploy(BEAT, many)  # filled again from the history
    assert not world.crossings("waiting")
    assert world.put("beat", "a").crossed == ("many",)


def test_deposits_count_though_their_marks_have_evaporated_or_were_absorbed(world: World) -> None:
    each = spec("each", strength("beat") >= 0.5)
    world.deploy(BEAT, each, spec("many", count("beat", within="10m") >= 3))
    marks = []
    for _ in range(2):
        marks.append(world.put("beat", "a").mark_id)
        assert world.woken("each") == [marks[-1]]
        world.advance(2 * MINUTE)
        world.evaporate()
    last = world.put("beat", "a")
    assert last.crossed == ("each", "many")
    claim = world.claimed("many")
    assert [item.event.mark_id for item in claim.inputs] == [last.mark_id, *marks]
    assert [item.strength for item in claim.inputs] == [1.0, 0.0, 0.0]
    assert claim.row.reason == 'count("beat", within="10m") >= 3: 3 >= 3'


def test_a_deposit_that_loses_is_recorded_while_a_window_counts_it(world: World) -> None:
    kinds = {"peak": kind("peak", Exponential("1h"))}
    watch = spec("many", count("peak", within="10m") >= 3)
    world.deploy(kinds)
    world.put("peak", "a", 1.0)
    assert world.put("peak", "a", 0.5).outcome == "unchanged"
    world.deploy(kinds, watch)  # what lost before is not known
    assert world.put("peak", "a", 0.5, payload={"value": 1}).crossed == ()
    lost = world.put("peak", "a", 0.5)
    assert (lost.outcome, lost.crossed) == ("unchanged", ("many",))
    [mark] = world.board.marks()
    assert (mark.intensity, mark.payload, mark.reinforcements) == (1.0, {}, 0)
    assert [event.event for event in world.board.history("a")] == ["deposited", "unchanged", "unchanged"]
    assert [item.event.id for item in world.claimed("many").inputs] == [mark.event_id]


def test_a_total_takes_the_intensities_of_deposits_with_trust_and_weight(world: World) -> None:
    kinds = {"cost": kind("cost", Exponential("1m"), weight=2.0, on_repeat="add", cap=1.0)}
    world.deploy(kinds, spec("spent", total("cost", within="24h") >= 7.0), trust={"person:ada": 0.5})
    for _ in range(6):
        assert world.put("cost", "a").crossed == ()
        world.advance(HOUR)
    assert world.put("cost", "a").crossed == ("spent",)
    [crossing] = world.crossings()
    assert (crossing.value, crossing.threshold) == (7.0, 7.0)


def test_own_deposits_count_only_with_include_own(world: World) -> None:
    watches = count("beat", within="10m") >= 2
    world.deploy(BEAT, spec("other", watches), spec("own", {"all": watch(watches, include_own=True)}))
    for author in ("other", "own"):
        assert world.sign(author, "beat", author).crossed == ()
        crossed = world.sign(author, "beat", author).crossed
        assert crossed == (("own",) if author == "other" else ("other", "own"))


def test_a_late_deposit_rises_now_if_it_is_still_in_the_window(world: World) -> None:
    world.deploy(BEAT, spec("many", count("beat", within="10m") >= 2))
    now = world.clock.now()
    world.put("beat", "a", occurred_at=now - 9 * MINUTE)
    assert world.put("beat", "a", occurred_at=now - 10 * MINUTE).crossed == ()
    assert world.put("beat", "a", occurred_at=now - 10 * MINUTE + 1).crossed == ("many",)
    assert crossed(world) == [("a", 0)]
    assert len(world.claimed("many").inputs) == 2


def test_a_stale_deposit_counts_and_a_duplicate_does_not(world: World) -> None:
    kinds = {"state": kind("state", Exponential("1h"), on_repeat="replace")}
    world.deploy(kinds, spec("many", count("state", within="10m") >= 3))
    now = world.clock.now()
    world.put("state", "a", key="one")
    assert world.put("state", "a", key="one").outcome == "duplicate"
    assert world.put("state", "a", occurred_at=now - MINUTE).outcome == "stale"
    stale = world.put("state", "a", occurred_at=now - 2 * MINUTE)
    assert (stale.outcome, stale.crossed) == ("stale", ("many",))


def test_withdrawn_and_forgotten_deposits_leave_every_window(world: World) -> None:
    far = spec("far", total("alarm", over="board", within="1h") >= 4)
    world.deploy(LASTING, spec("many", count("alarm", within="1h") >= 3), far)
    first = world.put("alarm", "a")
    assert [world.put("alarm", "a").crossed for _ in range(2)] == [(), ("many",)]
    world.board.withdraw(first.mark_id)  # with its reinforcements
    assert [row.state for row in world.crossings()] == ["withdrawn"]
    assert world.put("alarm", "b").crossed == ()
    assert [world.put("alarm", "b").crossed for _ in range(2)] == [(), ("many",)]
    world.board.forget("b")
    assert world.sql("SELECT * FROM window_event") == []
    assert [world.put("alarm", "c").crossed for _ in range(4)] == [(), (), ("many",), ("far",)]


def test_a_combination_needs_the_window_and_the_live_marks(world: World) -> None:
    both = (count("beat", within="10m") >= 2) & (strength("alarm") >= 0.5)
    world.deploy(BEAT | LASTING, spec("both", both))
    assert [world.put("beat", "a").crossed for _ in range(2)] == [(), ()]
    assert world.put("alarm", "a", 0.3).crossed == ()
    alarm = world.put("alarm", "a", 0.3)
    assert alarm.crossed == ("both",)
    assert world.put("alarm", "a", 0.3, payload={"value": 1}).crossed == ()  # it has not been below
    claim = world.claimed("both")
    assert {item.event.kind for item in claim.inputs} == {"beat", "alarm"}
    world.advance(10 * MINUTE)
    assert [world.put("beat", "a").crossed for _ in range(2)] == [(), ("both",)]


def test_a_crossing_is_given_what_was_in_its_window_and_what_came_since(world: World) -> None:
    world.deploy(BEAT, spec("many", count("beat", within="10m") >= 2))
    early = world.put("beat", "a")
    world.advance(10 * MINUTE)
    marks = [world.put("beat", "a").mark_id for _ in range(2)]
    world.board.pause("many")
    world.advance(HOUR)
    marks.append(world.put("beat", "a").mark_id)
    in_transaction(world.board, retention.remove, history=MINUTE, activations=None, model_calls=None, limit=1000)
    world.evaporate()
    world.board.resume("many")
    given = [item.event.mark_id for item in world.claimed("many").inputs]
    assert sorted(given) == marks
    assert early.mark_id not in given


def test_an_agent_that_drops_what_has_faded_is_not_woken_for_a_window_that_fell(world: World) -> None:
    world.deploy(BEAT, spec("many", count("beat", within="10m") >= 2, when_faded="drop"))
    for _ in range(2):
        world.put("beat", "a")
    world.advance(10 * MINUTE)
    assert world.claim("many") is None
    assert [row.state for row in world.crossings()] == ["faded"]


def test_an_urgent_deposit_ends_the_batch_window_of_a_crossing(world: World) -> None:
    lasting = {"alarm": kind("alarm", Exponential("10h"), on_repeat="separate")}
    watch = spec("many", count("alarm", within="10m") >= 2, batch_window="5m", urgent_above=2.0)
    world.deploy(lasting, watch)
    for _ in range(2):
        world.put("alarm", "a")
    assert world.claim("many") is None
    world.put("alarm", "a", 2.0)
    assert len(world.claimed("many").inputs) == 3


def test_a_window_says_its_value_what_it_lacks_and_when_it_falls(world: World) -> None:
    world.deploy(BEAT, spec("many", count("beat", within="10m") >= 3))

    def explained() -> tuple[float, bool, int | None, str]:
        [watch] = world.board.explain("many", "a").watches
        [value] = watch.values or ()
        falls = None if value.falls_at is None else from_datetime(value.falls_at) - world.clock.now()
        assert (value.counts, value.marks) == ("deposits", value.value)
        return value.value, value.met, falls, watch.verdict

    condition = 'count("beat", within="10m")'
    assert explained() == (0, False, None, f"it has not crossed: {condition} is 0 of 3")
    world.put("beat", "a")
    world.advance(MINUTE)
    world.put("beat", "a")
    assert explained() == (2, False, 9 * MINUTE, f"it has not crossed: {condition} is 2 of 3")
    world.advance(MINUTE)
    world.put("beat", "a")
    world.put("beat", "a")
    world.finish(world.claimed("many"))
    value, met, falls, verdict = explained()
    assert (value, met, falls) == (4, True, 9 * MINUTE)
    falls_at = iso(world.clock.now() + 9 * MINUTE)
    lines = list(explanation_lines(world.board.explain("many", "a")))
    assert f"    {condition} is 4 of 3, over 4 deposits: met, falls {falls_at}" in lines
    at = iso(world.clock.now())
    assert verdict == (
        f"it crossed at {at}, and its condition has held since {at};"
        " it crosses again only after the condition has stopped holding"
    )


# -- clocks and processes ------------------------------------------------------------------------------------------


def test_a_clock_that_steps_back_moves_no_deposit(world: World) -> None:
    world.deploy(BEAT, spec("many", count("beat", within="10m") >= 2))
    world.put("beat", "a")
    world.advance(-HOUR)
    assert world.put("beat", "a").crossed == ("many",)
    assert {row.occurred_at for row in world.sql("SELECT occurred_at FROM window_event")} == {world.board.session.now()}


def test_what_was_deposited_while_the_clock_was_in_doubt_counts_from_its_confirmation(world: World) -> None:
    world.deploy(BEAT, spec("many", count("beat", over="board", within="10m") >= 3))
    world.put("beat", "a")
    session = world.board.session
    world.clock.step(timedelta(days=500))
    session.write(lambda txn: clock_confirmation.ask_about_clock(txn, session.classes))
    world.put("beat", "a")
    assert session.write(clock_confirmation.accept_clock)
    assert [world.put("beat", "a").crossed for _ in range(2)] == [(), ("many",)]


def test_two_processes_count_the_same_deposits_and_cross_once(world: World) -> None:
    silent, many = (
        spec("silent", count("beat", within="1h") < 1),
        spec("many", count("beat", over="board", within="1h") >= 4),
    )
    world.deploy(BEAT, silent, many)
    other = World(world.path, world.clock, url=world.url)
    crossed = [(world, other)[number % 2].put("beat", "a").crossed for number in range(6)]
    assert crossed == [(), (), (), ("many",), (), ()]
    assert len(other.woken("many") or ()) == 6
    world.advance(HOUR)
    assert other.fire_due() + world.fire_due() == 2  # many may cross again, and silent has fallen
    assert [row.crossed_at for row in world.crossings() if row.value == 0] == [world.clock.now()]
    assert [(world, other)[number % 2].put("beat", "a").crossed for number in range(4)] == [(), (), (), ("many",)]
    other.close()


# -- with conditions over time -------------------------------------------------------------------------------------


def test_a_window_that_must_hold_crosses_at_its_instant_unless_it_falls(world: World) -> None:
    world.deploy(BEAT, spec("long", count("beat", within="10m") >= 2, held_for="15m"))
    for _ in range(2):
        world.put("beat", "a")
    world.advance(5 * MINUTE)
    for _ in range(2):
        world.put("beat", "b")
    world.advance(5 * MINUTE - SECOND)
    world.put("beat", "b")  # when the older deposits leave, only b still has two
    world.advance(MINUTE)
    world.put("beat", "b")
    world.put("beat", "b")
    start = world.clock.now() + SECOND - 11 * MINUTE
    world.advance(HOUR)
    world.fire_all_due()
    assert [(row.scope, row.crossed_at - start) for row in world.crossings()] == [("b", 20 * MINUTE)]


def test_a_window_wakes_again_while_it_holds_and_clears_below_another_value(world: World) -> None:
    again = spec("again", count("beat", within="10m") >= 2, rewake_every="4m")
    calm = spec("calm", count("beat", within="10m") >= 3, clear_below=2.0)
    world.deploy(BEAT, again, calm)
    for _ in range(3):
        world.put("beat", "a")
    assert world.woken("again") is not None
    world.advance(4 * MINUTE)
    world.fire_all_due()
    assert len(world.woken("again") or ()) == 3
    world.advance(3 * MINUTE)
    world.put("beat", "a")
    world.put("beat", "a")
    world.advance(3 * MINUTE)  # two are left: calm has not been below 2
    world.fire_all_due()
    assert world.put("beat", "a").crossed == ()
    assert len(world.woken("calm") or ()) == 6
    world.advance(10 * MINUTE)
    world.fire_all_due()
    assert [world.put("beat", "a").crossed for _ in range(3)][-1] == ("calm",)
