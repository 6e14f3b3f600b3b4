"""A changed deployment is one event at one instant. The old law applies before it and the new law after it."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import Blackboard, count, strength, total
from blackboard.core.marks.decay import Curve, Decay, Exponential, Linear, Never, Power, Step
from blackboard.core.marks.kinds import OnRepeat
from blackboard.core.specs.agent_spec import Budget, DepositLimits
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.durations import HOUR, MINUTE
from tests.support.hypothesis_examples import examples
from tests.support.world import World, kind, spec

LAWS: list[Decay] = [
    Exponential("1h"),
    Linear("4h"),
    Power("30m", 1.5),
    Step("90m"),
    Curve([("30m", 0.9), ("2h", 0.2)]),
    Never(),
]


def strength_of(world: World, mark: int) -> float | None:
    return next((one.strength for one in world.board.marks() if one.id == mark), None)


def smoke(
    decay: Decay | None = None, *, weight: float = 1.0, floor: float = 0.0, on_repeat: OnRepeat = "separate"
) -> dict[str, KindSpec]:
    return {"smoke": kind("smoke", decay, weight=weight, floor=floor, on_repeat=on_repeat)}


KINDS = smoke(Exponential("1h"), floor=0.01)
HEAVIER = smoke(Exponential("1h"), weight=2.0, floor=0.01)


def test_deploying_the_same_kinds_again_changes_nothing(world: World) -> None:
    first = world.deploy(KINDS)
    again = world.deploy(KINDS)
    assert (again.version, again.changed) == (first.version, ())


def test_versions_are_listed_newest_first_in_pages(world: World) -> None:
    for weight in (1.0, 2.0, 3.0, 4.0):
        world.deploy(smoke(weight=weight, on_repeat="max"))
    assert [each.version for each in world.board.deployments(limit=2)] == [4, 3]
    assert [each.version for each in world.board.deployments(before=3, limit=5)] == [2, 1]


def test_a_change_is_described_in_words(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.9))
    change = world.deploy(
        smoke(Exponential("2h"), weight=2.0, floor=0.01), spec("watchman", strength("smoke") >= 0.9, batch=3)
    )
    assert change.changed == ("kind smoke: weight, decay", "agent watchman: settings")


def test_trust_limits_and_budget_are_described_with_what_changed_in_them(world: World) -> None:
    world.deploy()
    update = {
        "trust": {"webform": 0.5, "robot": 1.0},
        "limits": {"webform": DepositLimits(max_payload=100), "robot": DepositLimits()},
        "budget": Budget(usd_per_day=2.0, calls_per_hour=5),
    }
    changed = world.board.deploy(world.board.deployment.model_copy(update=update)).changed
    assert changed == (
        "trust in webform: 0.5 instead of 1",
        "limits of webform: max_payload 100 instead of no limit",
        "budget: usd_per_day 2 instead of no limit, calls_per_hour 5 instead of no limit",
    )
    update = {"trust": {}, "limits": {}, "budget": Budget(usd_per_day=2.5, mode="warn")}
    changed = world.board.deploy(world.board.deployment.model_copy(update=update)).changed
    assert changed == (
        "trust in webform: 1 instead of 0.5",
        "limits of webform: max_payload no limit instead of 100",
        "budget: mode warn instead of hold, usd_per_day 2.5 instead of 2, calls_per_hour no limit instead of 5",
    )


@pytest.mark.parametrize(
    ("old", "new", "said", "joined"),
    [
        (
            "separate",
            "max",
            "(3) stay as they are; they have 2 subjects, and a later deposit joins the latest mark of its subject",
            2,
        ),
        ("max", "separate", "(2) stay as they are; a later deposit joins none of them", None),
        ("max", "add", "(2) stay as they are; a later deposit joins the mark of its subject by 'add'", 1),
    ],
)
def test_a_changed_rule_for_repeats_says_what_becomes_of_the_marks(
    world: World, old: OnRepeat, new: OnRepeat, said: str, joined: int | None
) -> None:
    world.deploy(smoke(on_repeat=old))
    for subject in ("a", "a", "b"):
        world.put("smoke", subject)
    before = [(mark.id, mark.intensity) for mark in world.board.marks()]
    before_ids = sorted(mark.id for mark in world.board.marks(subject="a"))
    other = world.board.deployment.model_copy(
        update={"kinds": {**world.board.deployment.kinds, **smoke(on_repeat=new)}}
    )
    previewed = world.board.preview(other).changes
    changed = world.deploy(smoke(on_repeat=new)).changed
    assert changed == previewed
    assert changed == ("kind smoke: on_repeat", f"kind smoke: its live marks {said}")
    assert [(mark.id, mark.intensity) for mark in world.board.marks()] == before
    receipt = world.put("smoke", "a", intensity=5.0)
    assert (receipt.mark_id == before_ids[joined - 1]) if joined else (receipt.mark_id not in before_ids)


def test_a_changed_rule_for_repeats_of_a_kind_without_marks_says_no_more(world: World) -> None:
    world.deploy(smoke(on_repeat="max"))
    assert world.deploy(smoke(on_repeat="separate")).changed == ("kind smoke: on_repeat",)


def test_a_new_weight_counts_at_once_and_may_cross_upward(world: World) -> None:
    agent = spec("watchman", strength("smoke") >= 0.9)
    board = spec("sum", total("smoke", over="board") >= 1.5)
    world.deploy(KINDS, agent, board)
    mark = world.put("smoke", "a", 0.5).mark_id
    other = world.put("smoke", "b", 0.4).mark_id
    world.deploy(HEAVIER, agent, board)
    assert strength_of(world, mark) == pytest.approx(1.0)
    assert world.woken("watchman") == [mark]
    assert world.woken("sum") == [mark, other]


def test_a_new_weight_counts_before_the_backfill(world: World) -> None:
    agent = spec("watchman", strength("smoke") >= 0.9)
    world.deploy(KINDS, agent)
    old = world.put("smoke", "a", 0.5).mark_id
    world.register(HEAVIER, agent)
    new = world.put("smoke", "b", 0.45).mark_id
    assert world.woken("watchman") == [new]
    world.advance(MINUTE)
    world.run_backfill()
    [crossing] = world.crossings("waiting")
    assert (crossing.mark_id, crossing.crossed_at) == (old, world.clock.now() - MINUTE + 1)
    assert world.woken("watchman") == [old]


def test_a_lower_weight_makes_marks_cross_a_falling_threshold(world: World) -> None:
    agent = spec("watchman", {"mark": strength("smoke") < 0.4, "board": total("smoke", over="board") < 0.6})
    world.deploy(KINDS, agent)
    mark = world.put("smoke").mark_id
    light = kind("smoke", Exponential("1h"), weight=0.3, on_repeat="separate", floor=0.01)
    world.register({"smoke": light}, agent)
    world.advance(MINUTE)
    world.run_backfill()
    assert [row.crossed_at for row in world.crossings()] == [world.clock.now() - MINUTE + 1] * 2
    assert world.woken("watchman") == [mark]
    assert world.woken("watchman") == [mark]
    world.advance(100 * HOUR)
    world.evaporate()
    assert world.woken("watchman") is None


def test_a_higher_weight_delays_a_falling_crossing_before_the_backfill(world: World) -> None:
    agent = spec("watchman", strength("smoke") < 0.5)
    world.deploy(KINDS, agent)
    start = world.clock.now()
    world.put("smoke")
    world.register(HEAVIER, agent)
    world.clock.set(start + HOUR + MINUTE)
    world.fire_due()
    assert world.crossings() == []
    world.run_backfill()
    world.clock.set(start + 3 * HOUR)
    world.fire_due()
    assert abs(world.crossings()[0].crossed_at - (start + 2 * HOUR)) <= 1


def test_a_crossing_before_the_change_uses_the_old_weight(world: World) -> None:
    agent = spec("watchman", strength("smoke") < 0.5)
    world.deploy(KINDS, agent)
    start = world.clock.now()
    world.put("smoke")
    world.advance(90 * MINUTE)
    world.deploy(HEAVIER, agent)
    assert abs(world.crossings()[0].crossed_at - (start + HOUR)) <= 1


@pytest.mark.parametrize("follow_at", [20 * MINUTE, None], ids=["followed", "unfollowed"])
@pytest.mark.parametrize(("before", "after"), list(permutations(LAWS, 2)), ids=lambda law: law.name)
def test_a_new_law_continues_from_the_strength_at_the_change(
    world: World, before: Decay, after: Decay, follow_at: int | None
) -> None:
    world.deploy(smoke(before, floor=0.01))
    mark = world.put("smoke", intensity=0.8).mark_id
    world.advance(40 * MINUTE)
    left = 0.8 * before.share(40 * MINUTE)
    world.register(smoke(after, floor=0.01))
    at = world.board.session.now()
    for age in (0, 1, 20 * MINUTE, 3 * HOUR):
        world.clock.set(at + age)
        expected = left * after.share(age)
        strength = strength_of(world, mark)
        if expected < 0.01:
            assert strength is None
        else:
            assert strength == pytest.approx(expected, rel=1e-9)
        if age == follow_at:
            world.run_backfill()
            assert strength_of(world, mark) == pytest.approx(strength, rel=1e-12)
            assert world.mark(mark).law == str(after) or isinstance(after, Curve)


@given(
    before=st.sampled_from(LAWS),
    after=st.sampled_from(LAWS),
    floors=st.tuples(st.sampled_from([0.0, 0.05, 0.3]), st.sampled_from([0.0, 0.05, 0.3])),
    weight=st.sampled_from([0.5, 1.0, 3.0]),
    own=st.sampled_from([None, *LAWS]),
    times=st.tuples(st.integers(0, 3 * HOUR), st.integers(0, 3 * HOUR), st.integers(0, 3 * HOUR)),
)
@examples(0.5)
def test_strengths_are_the_same_before_and_after_the_backfill(
    before: Decay,
    after: Decay,
    floors: tuple[float, float],
    weight: float,
    own: Decay | None,
    times: tuple[int, int, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    world = World(tmp_path_factory.mktemp("board") / "board.db")
    world.deploy(smoke(before, floor=floors[0]))
    world.put("smoke", "plain")
    world.put("smoke", "own", 0.7, decay=own)
    world.advance(times[0])
    world.put("smoke", "late", 0.4)
    world.register(smoke(after, weight=weight, floor=floors[1]))
    world.advance(times[1])
    world.put("smoke", "new", 0.6)
    now = world.board.session.now()
    instants = [now, now + 1, now + times[2], now + 20 * HOUR]

    def seen() -> list[dict[str, list[float]]]:
        return [world.strengths(at=at) for at in instants]

    unfollowed = seen()
    world.run_backfill(limit=2)
    followed = seen()
    for one, other in zip(unfollowed, followed, strict=True):
        assert one.keys() == other.keys()
        for subject, strengths in one.items():
            assert strengths == pytest.approx(other[subject], rel=1e-9)
    world.clock.set(instants[2])
    world.evaporate()
    swept = world.strengths()
    assert {subject: pytest.approx(found, rel=1e-9) for subject, found in swept.items()} == followed[2]
    world.close()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_new_floor_moves_only_the_end_of_a_mark(world: World, law: Decay) -> None:
    world.deploy(smoke(law, floor=0.01))
    mark = world.put("smoke").mark_id
    world.advance(40 * MINUTE)
    before = [world.strengths(at=world.clock.now() + ahead) for ahead in (1, 20 * MINUTE)]
    world.deploy(smoke(law, floor=0.1))
    assert [world.strengths(at=world.clock.now() + ahead) for ahead in (1, 20 * MINUTE)] == before
    ends = law.age_below(0.1)
    assert world.mark(mark).evaporates_at == (None if ends is None else world.mark(mark).deposited_at + ends)


def test_a_raised_floor_evaporates_marks_and_a_lowered_floor_does_not_revive_them(world: World) -> None:
    world.deploy(smoke(Exponential("1h"), floor=0.3))
    gone = world.put("smoke", "gone").mark_id
    world.advance(HOUR)
    low = world.put("smoke", "low", 0.4).mark_id
    world.advance(50 * MINUTE)
    assert strength_of(world, gone) is None
    world.deploy(smoke(Exponential("1h"), floor=0.1))
    assert strength_of(world, gone) is None
    assert world.strengths() == {}
    high = world.put("smoke", "high").mark_id
    world.deploy(smoke(Exponential("1h"), floor=0.9))
    world.advance(30 * MINUTE)
    assert world.strengths() == {}
    assert {low, high, gone} == {row.id for row in world.sql("SELECT id FROM mark")}
    assert world.evaporate() == 3


def test_a_mark_that_lives_longer_under_its_new_law_does_not_evaporate_early(world: World) -> None:
    world.deploy(smoke(Step("1h")))
    lives = world.put("smoke").mark_id
    world.advance(59 * MINUTE)
    world.register(smoke(Never()))
    world.advance(HOUR)
    assert world.evaporate(limit=1) == 1
    assert strength_of(world, lives) == 1.0
    world.run_backfill()
    assert strength_of(world, lives) == 1.0
    assert world.evaporate() == 0


@pytest.mark.postgresql
def test_the_backfill_runs_in_bounded_batches(world: World) -> None:
    agent = spec("watchman", strength("smoke") >= 0.9)
    world.deploy(KINDS, agent)
    marks = [world.put("smoke", f"s{i}").mark_id for i in range(7)]
    world.woken("watchman")
    world.register(smoke(Linear("1h"), floor=0.02), agent)
    assert world.run_backfill(limit=2) >= 8
    assert world.sql("SELECT count(*) FROM mark WHERE law LIKE ?", "linear%") == [(7,)]
    changed = world.sql("SELECT mark_id FROM event WHERE event = 'law_changed' ORDER BY mark_id")
    assert [row.mark_id for row in changed] == marks
    assert world.sql("SELECT count(*) FROM law_change") == [(0,)]
    assert world.woken("watchman") is None


def test_a_deposit_reinforces_a_mark_under_its_new_law(world: World) -> None:
    world.deploy(smoke(Exponential("1h"), on_repeat="add"))
    mark = world.put("smoke").mark_id
    world.advance(HOUR)
    world.register(smoke(Never(), on_repeat="add"))
    world.advance(HOUR)
    receipt = world.put("smoke", intensity=1.0)
    assert (receipt.mark_id, receipt.outcome) == (mark, "reinforced")
    assert receipt.strength == pytest.approx(1.5)
    world.run_backfill()
    assert strength_of(world, mark) == pytest.approx(1.5)


@pytest.mark.parametrize("over", ["subject", "board"])
def test_watches_count_marks_under_their_new_law_before_the_backfill(world: World, over: str) -> None:
    agent = spec("watchman", total("smoke", over=over) >= 1.9)  # type: ignore[arg-type]
    world.deploy(KINDS, agent)
    first = world.put("smoke").mark_id
    world.register(smoke(Never(), floor=0.01), agent)
    world.advance(10 * HOUR)
    second = world.put("smoke", intensity=0.95).mark_id
    claim = world.claimed("watchman")
    assert {item.event.mark_id: round(item.strength, 3) for item in claim.inputs} == {first: 1.0, second: 0.95}


def test_a_claim_after_a_change_gives_strengths_under_the_new_law(world: World) -> None:
    agent = spec("watchman", strength("smoke") >= 0.4)
    world.deploy(KINDS, agent)
    world.put("smoke")
    world.advance(HOUR)
    world.deploy(smoke(Never(), floor=0.01), agent)
    world.advance(10 * HOUR)
    claim = world.claimed("watchman")
    assert claim.inputs[0].strength == pytest.approx(0.5)


def test_the_second_of_two_changes_continues_from_the_first(world: World) -> None:
    world.deploy(smoke(Exponential("1h")))
    mark = world.put("smoke").mark_id
    world.advance(HOUR)
    world.register(smoke(Never()))
    world.advance(HOUR)
    world.register(smoke(Exponential("1h")))
    world.advance(HOUR)
    assert strength_of(world, mark) == pytest.approx(0.25)
    world.run_backfill()
    assert strength_of(world, mark) == pytest.approx(0.25)


def test_a_mark_deposited_at_the_instant_of_the_change_follows_it(world: World) -> None:
    world.deploy(KINDS)
    mark = world.put("smoke").mark_id
    world.deploy(smoke(Never()))
    world.advance(10 * HOUR)
    assert strength_of(world, mark) == pytest.approx(1.0)


def test_a_removed_watch_withdraws_its_waiting_crossings(world: World) -> None:
    world.deploy(KINDS, spec("watchman", {"strong": strength("smoke") >= 0.9, "weak": strength("smoke") >= 0.1}))
    world.put("smoke")
    world.deploy({}, spec("watchman", {"weak": strength("smoke") >= 0.1}))
    assert sorted(row.state for row in world.crossings()) == ["waiting", "withdrawn"]
    assert [item.watch for item in world.board.agenda()] == ["weak"]


def test_kinds_missing_from_a_new_deployment_stay(world: World) -> None:
    world.deploy(KINDS)
    world.put("smoke")
    world.board.deploy(Deployment())
    assert world.strengths() == {"s": [1.0]}


def test_a_lowered_threshold_crosses_for_the_live_marks(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.9))
    mark = world.put("smoke", intensity=0.5).mark_id
    world.deploy({}, spec("watchman", strength("smoke") >= 0.4))
    assert world.woken("watchman") == [mark]


def test_a_change_counts_no_mark_twice_in_a_total(world: World) -> None:
    agent = spec("watchman", count("smoke", over="board") >= 5)
    world.deploy(KINDS, agent)
    for i in range(3):
        world.put("smoke", f"s{i}")
    for weight in (2.0, 3.0):
        world.deploy(smoke(Linear("2h"), weight=weight, floor=0.02), agent)
    world.put("smoke", "x")
    assert world.woken("watchman") is None
    world.put("smoke", "y")
    assert len(world.woken("watchman") or []) == 5


def test_a_deposit_by_another_process_counts_under_the_active_deployment(world: World) -> None:
    with Blackboard.open(world.url, clock=world.clock) as other:
        world.deploy(smoke(weight=2.0, on_repeat="max"), spec("watchman", strength("smoke") >= 1.5))
        assert other.deposit("smoke", subject="s").crossed == ("watchman",)
