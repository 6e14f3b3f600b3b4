"""A deferred crossing joins no batch and ends no batch window. A batch has a mark of each side of an `&`."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import Exponential, Never, count, strength, strongest, total, watch
from blackboard.core.agents.agent_definition import agent
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.conditions.fewest_marks import smallest_batch
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.watch_spec import WatchSpec
from blackboard.durations import HOUR, MINUTE, SECOND
from blackboard.errors import ConfigurationError
from tests.support.world import World, kind, spec

KINDS = {
    "a": kind("a", Exponential("10h"), on_repeat="separate"),
    "b": kind("b", Exponential("10h"), on_repeat="separate"),
    "c": kind("c", Exponential("10h"), on_repeat="separate"),
    "no": kind("no", Never(), on_repeat="separate"),
}


def given(world: World, name: str = "watchman") -> list[tuple[str, str]] | None:
    """Claim and finish once; return the kind and subject of each input."""
    if (claim := world.claim(name)) is None:
        return None
    world.finish(claim)
    return [(item.event.kind, item.event.subject) for item in claim.inputs]


# -- the batch window --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"batch": 3}, {"batch": 2}, {"urgent_above": 0.9}, {}], ids=str)
@pytest.mark.parametrize("condition", [strength("a") >= 0.5, total("a") >= 0.5], ids=str)
@pytest.mark.parametrize("claims_before", [True, False])
def test_what_a_guard_holds_ends_no_batch_window(
    world: World, settings: dict[str, Any], condition: Condition, claims_before: bool
) -> None:
    world.deploy(
        KINDS, spec("watchman", watch(condition, unless=count("no") >= 1), batch_window="10s", per="batch", **settings)
    )
    world.put("no", "held")
    world.put("a", "held", 1.0)
    if claims_before:
        assert given(world) is None
    world.put("a", "free", 0.6)
    assert given(world) is None
    world.advance(5 * SECOND)
    assert given(world) is None
    if settings != {"batch": 2}:
        world.put("a", "later", 0.6)
        assert given(world) is None
    world.advance(5 * SECOND)
    expected = {("a", "free")} if settings == {"batch": 2} else {("a", "free"), ("a", "later")}
    assert set(given(world) or ()) == expected
    assert given(world) is None


def test_what_a_cooldown_holds_ends_no_batch_window(world: World) -> None:
    agent = spec("watchman", strength("a") >= 0.5, batch_window="10s", batch=2, cooldown="1h", cooldown_per="subject")
    world.deploy(KINDS, agent)
    world.put("a", "held")
    world.advance(10 * SECOND)
    assert given(world) == [("a", "held")]
    world.put("a", "held")
    world.put("a", "free")
    assert given(world) is None
    world.advance(10 * SECOND)
    assert given(world) == [("a", "free")]


def test_many_held_crossings_are_tested_before_a_window_ends(world: World) -> None:
    guarded = watch(strength("a") >= 0.5, unless=count("no") >= 1)
    world.deploy(KINDS, spec("watchman", guarded, batch_window="10s", batch=2))
    for number in range(40):
        world.put("no", f"held{number}")
        world.put("a", f"held{number}", 2.0)
    world.put("a", "free", 0.6)
    assert given(world) is None
    world.put("a", "second", 0.6)
    assert given(world) == [("a", "free"), ("a", "second")]


def test_subjects_that_do_not_fit_together_fill_a_batch(world: World) -> None:
    world.deploy(KINDS, spec("watchman", count("a") >= 2, batch_window="10s", batch=3))
    for subject in ("one", "one", "two", "two"):
        world.put("a", subject)
    assert given(world) == [("a", "one"), ("a", "one")]
    assert given(world) is None
    world.advance(10 * SECOND)
    assert given(world) == [("a", "two"), ("a", "two")]


def test_a_batch_without_a_setting_is_full_at_a_hundred_marks(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("a") >= 0.5, batch_window="10s"))
    for number in range(99):
        world.put("a", f"s{number}")
    assert given(world) is None
    world.put("a", "last")
    assert len(given(world) or ()) == 100


# -- the sides of an & -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weak", ["a", "b"])
def test_a_batch_has_a_mark_of_each_side(world: World, weak: str) -> None:
    strong = "b" if weak == "a" else "a"
    world.deploy(KINDS, spec("watchman", (total("a") >= 0.1) & (total("b") >= 0.1), batch=3))
    world.put(weak, "s", 0.2)
    for _ in range(5):
        world.put(strong, "s", 2.0)
    assert given(world) == [(strong, "s"), (strong, "s"), (weak, "s")]


def test_one_mark_can_serve_several_sides(world: World) -> None:
    world.deploy(KINDS, spec("watchman", (total("a", "b") >= 1) & (strongest("a") >= 0.1), batch=1))
    world.put("b", "s", 2.0)
    world.put("a", "s", 0.2)
    assert given(world) == [("a", "s")]


def test_a_side_of_a_disjunction_without_room_stays(world: World) -> None:
    condition = ((total("a") >= 0.1) & (total("b") >= 0.1)) | (total("c") >= 0.1)
    world.deploy(KINDS, spec("watchman", condition, batch=2))
    for name, intensity in (("c", 2.0), ("a", 1.0), ("b", 0.5)):
        world.board.pause("watchman")
        world.put(name, "s", intensity)
    world.board.resume("watchman")
    assert given(world) == [("c", "s")]
    assert given(world) == [("a", "s"), ("b", "s")]


def test_the_sides_of_faded_marks_are_given_together_too(world: World) -> None:
    kinds = {name: kind(name, Exponential("1m"), floor=0.01, on_repeat="separate") for name in "ab"}
    world.deploy(kinds, spec("watchman", (total("a") >= 0.1) & (total("b") >= 0.1), batch=2))
    for intensity in (1.0, 2.0):
        world.put("a", "s", intensity)
    world.put("b", "s", 0.2)
    world.advance(HOUR)
    world.evaporate()
    assert given(world) == [("a", "s"), ("b", "s")]


@pytest.mark.parametrize(
    ("condition", "smallest"),
    [
        ('total("a") >= 1', 1),
        ('(total("a") >= 1) & (total("b") >= 1)', 2),
        ('(total("a") >= 1) & (strongest("a") >= 1)', 1),
        ('(total("a", "b") >= 1) & (total("b", "c") >= 1)', 1),
        ('(total("a") >= 1) | (total("b") >= 1)', 1),
        ('((total("a") >= 1) & (total("b") >= 1)) | (total("c") >= 1)', 2),
        ('((total("a") >= 1) | (total("b") >= 1)) & (total("c") >= 1)', 2),
        ('(total("a") < 1) & (total("b") < 1) & (count("c") < 1)', 3),
        ('count("a", over="board") >= 20', 1),
    ],
)
def test_the_smallest_batch_has_room_for_each_side(condition: str, smallest: int) -> None:
    assert smallest_batch(parse_condition(condition)) == smallest


# -- what is refused ---------------------------------------------------------------------------------------------------


def declare(watches: Any, **declared: Any) -> None:
    @agent(watches=watches, name="watchman", **declared)
    def function(marks: Any, context: Any) -> None:
        return None


def test_a_batch_without_room_for_each_side_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"agents.watchman.batch: .* Set batch to at least 2"):
        declare((total("a") >= 1) & (total("b") >= 1), batch=1)
    declare((total("a") >= 1) & (total("b") >= 1), batch=2)


def test_a_batch_that_cannot_be_checked_needs_room_for_a_mark_of_each_kind() -> None:
    text = " & ".join(f"(total(k{number}) >= 1 | total(k{number + 1}) >= 1)" for number in range(40))
    with pytest.raises(ConfigurationError, match=r"agents.watchman.batch: .* or set batch to at least 41"):
        declare(parse_condition(text), batch=40)
    declare(parse_condition(text), batch=41)


@pytest.mark.parametrize(
    ("guard", "right"),
    [
        (count("c") >= 1, 'count("c", over="board") >= 1'),
        (strength("c", subject="x*") >= 0.5, 'strongest("c", over="board", subject="x*") >= 0.5'),
        (
            (total("c") >= 1) & ~(count("d", over="board") >= 2),
            '(total("c", over="board") >= 1) & ~(count("d", over="board") >= 2)',
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["only_if", "unless"])
def test_a_guard_over_a_subject_on_a_watch_over_the_board_is_refused(guard: Condition, right: str, name: str) -> None:
    guards: dict[str, Any] = {name: guard}
    with pytest.raises(ConfigurationError) as refused:
        declare(watch(count("a", over="board") >= 1, **guards))
    assert f"write {name}={right}" in str(refused.value)
    with pytest.raises(ConfigurationError, match=f"write {name}="):
        declare(count("a", over="board") >= 1, **guards)
    declare(watch(count("a") >= 1, **guards))
    guards[name] = parse_condition(right)
    declare(watch(count("a", over="board") >= 1, **guards))


def invalid() -> AgentSpec:
    watches = (WatchSpec(name="w", when='count("a", over="board") >= 1', unless='count("c") >= 1'),)
    return AgentSpec(name="watchman", watches=watches)


def test_the_board_too_refuses_a_guard_without_a_subject_and_changes_nothing(world: World) -> None:
    world.deploy(KINDS)
    version = world.board.deployment.version
    with pytest.raises(ConfigurationError, match="has no subject"):
        world.board.deploy(Deployment(kinds=KINDS, agents={"watchman": invalid()}))
    assert world.board.deployment.version == version


def test_a_board_with_a_stored_invalid_guard_can_be_read_and_given_other_agents(world: World) -> None:
    world.deploy(KINDS)
    stored = Deployment(kinds=KINDS, agents={"watchman": invalid()})
    world.board.session.write(
        lambda txn: txn.sql.cursor.execute(
            f"UPDATE deployment SET content = {world.storage.placeholder}", (stored.content(),)
        )
    )
    world.board.close()
    world.board = world.board.open(world.url, author="person:ada", clock=world.clock)
    world.advance(MINUTE)
    assert list(world.board.deployment.agents) == ["watchman"]
    world.board.deploy(Deployment(kinds=KINDS, agents={"watchman": invalid(), "other": spec("other", count("a") >= 1)}))
    world.put("a")
    assert given(world, "other") == [("a", "s")]
