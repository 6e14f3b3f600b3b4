"""An activation is about one subject, or takes a batch: what it is given, what holds it, and how it fails."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import Never, count, every, strength, strongest, total, watch
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.call_records.model_calls import CallCost
from blackboard.board.activations.run_ends import activation_results, activation_splits
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.agents.agent_context import single_subject
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.measures import MEASURES, Measure
from blackboard.core.specs.watch_spec import Per, WatchSpec
from blackboard.durations import MINUTE, SECOND
from blackboard.errors import AgentError, ConfigurationError
from tests.support.board_steps import in_transaction
from tests.support.hypothesis_examples import examples
from tests.support.world import World, kind, spec

KINDS = {"alert": kind("alert", Never(), on_repeat="separate"), "quiet": kind("quiet", Never())}
SETTINGS: dict[str, Any] = {"retry_after": "1s", "cooldown_after_failures": 99}


def subjects(claim: Claim | None) -> list[str]:
    """Return the subject of each mark of a claim."""
    return [] if claim is None else [item.event.subject for item in claim.inputs]


def test_each_activation_of_a_total_has_one_subject_and_all_its_marks(world: World) -> None:
    world.deploy(KINDS, spec("pager", total("alert") >= 1, **SETTINGS))
    for subject, intensity in (("web", 1.0), ("db", 1.5), ("mail", 2.0), ("db", 1.5)):
        world.put("alert", subject, intensity)
    taken = []
    while (claim := world.claim("pager")) is not None:
        taken.append(subjects(claim))
        assert (claim.per, claim.row.scope) == ("subject", taken[-1][0])
        world.finish(claim)
    assert taken == [["db", "db"], ["mail"], ["web"]]


@pytest.mark.parametrize(
    ("condition", "settings", "per"),
    [
        (total("alert") >= 1, {}, "subject"),
        (strongest("alert") >= 1, {}, "subject"),
        (count("alert") >= 1, {}, "subject"),
        (count("alert") < 1, {}, "subject"),
        ((total("alert") >= 1) & (strength("quiet") >= 1), {}, "subject"),
        (total("alert") >= 1, {"batch": 10}, "batch"),
        (total("alert") >= 1, {"batch": 10, "per": "subject"}, "subject"),
        (total("alert") >= 1, {"per": "batch"}, "batch"),
        (watch(total("alert") >= 1, per="subject"), {"per": "batch"}, "subject"),
        (watch(total("alert") >= 1, per="batch"), {}, "batch"),
        (strength("alert") >= 1, {}, "batch"),
        ((strength("alert") >= 1) | (strength("quiet") >= 1), {}, "batch"),
        (strength("alert") >= 1, {"per": "subject"}, "subject"),
        (count("alert", over="board") >= 1, {}, "batch"),
        (every("1h"), {}, "batch"),
    ],
    ids=str,
)
def test_what_an_activation_takes_by_default_and_by_the_settings(
    condition: Any, settings: dict[str, Any], per: str
) -> None:
    one = spec("pager", condition, **settings)
    assert one.per_of(one.watches[0]) == per


def test_a_measure_of_ones_own_is_about_a_subject() -> None:
    class Weakest(Measure):
        name = "weakest_of_two"

        def value(self, strengths: Any) -> float:
            return min(strengths, default=0.0)

    try:
        one = spec("pager", Weakest("alert") >= 1)
        assert one.per_of(one.watches[0]) == "subject"
    finally:
        del MEASURES["weakest_of_two"]


@pytest.mark.parametrize("condition", [count("alert", over="board") >= 1, every("1h")], ids=str)
def test_a_watch_without_a_subject_cannot_be_per_subject(condition: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"watches\.watch\.per.*has no subject"):
        spec("pager", watch(condition, per="subject"))
    with pytest.raises(ConfigurationError, match=r"pager\.per.*has no subject"):
        spec("pager", condition, per="subject")
    spec("pager", {"one": condition, "two": strength("alert") >= 1}, per="subject")


def test_a_strength_per_subject_takes_all_marks_of_the_strongest_subject(world: World) -> None:
    world.deploy(KINDS, spec("pager", strength("alert") >= 0.5, per="subject", batch=2, **SETTINGS))
    for subject, intensity in (("web", 0.9), ("db", 1.0), ("web", 0.8), ("db", 0.6), ("db", 0.7)):
        world.put("alert", subject, intensity)
    taken = []
    while (claim := world.claim("pager")) is not None:
        taken.append([(item.event.subject, item.strength) for item in claim.inputs])
        world.finish(claim)
    assert taken == [[("db", 1.0), ("db", 0.7)], [("web", 0.9), ("web", 0.8)], [("db", 0.6)]]


@pytest.mark.parametrize("condition", [strength("alert") >= 0.5, total("alert") >= 0.5], ids=str)
def test_each_subject_has_a_batch_window_of_its_own(world: World, condition: Any) -> None:
    settings = {"batch_window": "10s", "urgent_above": 5.0, **SETTINGS}
    world.deploy(KINDS, spec("pager", condition, per="subject", **settings))
    for number in range(250):  # more than a claim reads beyond its batch
        world.put("alert", f"later/{number}", 2.0)
        world.advance(1)
    world.advance(6 * SECOND)
    assert world.claim("pager") is None
    world.put("alert", "urgent", 0.6)
    world.put("alert", "urgent", 6.0)
    claim = world.claimed("pager")
    assert subjects(claim) == ["urgent", "urgent"]
    world.finish(claim)
    assert world.claim("pager") is None
    world.put("alert", "last", 1.0)
    world.advance(5 * SECOND)
    claim = world.claimed("pager")
    assert subjects(claim)[0].startswith("later/")


def test_the_marks_of_one_subject_fill_its_batch_and_end_its_window(world: World) -> None:
    world.deploy(KINDS, spec("pager", strength("alert") >= 0.5, per="subject", batch=3, batch_window="10s", **SETTINGS))
    for subject in ("web", "db", "db", "web"):
        world.put("alert", subject)
    assert world.claim("pager") is None
    world.put("alert", "db")
    claim = world.claimed("pager")
    assert subjects(claim) == ["db"] * 3
    world.finish(claim)
    assert world.claim("pager") is None
    world.advance(10 * SECOND)
    assert subjects(world.claimed("pager")) == ["web"] * 2


@pytest.mark.parametrize(
    ("settings", "rests"),
    [({}, "subject"), ({"cooldown_per": "agent"}, "agent"), ({"per": "batch"}, "agent")],
    ids=str,
)
def test_the_cooldown_is_that_of_the_subject_unless_the_setting_says_otherwise(
    world: World, settings: dict[str, Any], rests: str
) -> None:
    world.deploy(KINDS, spec("pager", total("alert") >= 1, cooldown="1m", **settings, **SETTINGS))
    world.put("alert", "web")
    world.finish(world.claimed("pager"))
    world.put("alert", "web")
    world.put("alert", "db")
    other = world.claim("pager")
    assert set(subjects(other)) == ({"db"} if rests == "subject" else set())
    if other is not None:
        world.finish(other)
    world.advance(MINUTE)
    assert "web" in subjects(world.claim("pager"))


def test_a_success_per_subject_ends_no_cooldown_of_the_whole_agent(world: World) -> None:
    watches = {"sum": total("alert") >= 1, "each": watch(strength("quiet") >= 1, per="batch")}
    world.deploy(KINDS, spec("pager", watches, cooldown="1m", concurrency=2, **SETTINGS))
    world.put("alert", "web")
    world.put("quiet", "web")
    claims = {claim.watch: claim for claim in (world.claimed("pager"), world.claimed("pager"))}
    world.finish(claims["each"])
    world.finish(claims["sum"])
    world.put("alert", "db")
    assert world.claim("pager") is None
    world.advance(MINUTE)
    assert subjects(world.claimed("pager")) == ["db"]


def test_a_guard_is_tested_for_the_subject_alone(world: World) -> None:
    world.deploy(KINDS, spec("pager", watch(total("alert") >= 1, unless=count("quiet") >= 1), **SETTINGS))
    world.put("quiet", "db")
    world.put("alert", "db", 3.0)
    world.put("alert", "web")
    claim = world.claimed("pager")
    assert subjects(claim) == ["web"]
    world.finish(claim)
    assert world.claim("pager") is None


@pytest.mark.parametrize("condition", [total("alert") >= 2, strength("alert") >= 0.5], ids=str)
def test_an_activation_about_one_subject_fails_as_a_whole(world: World, condition: Any) -> None:
    world.deploy(KINDS, spec("pager", condition, per="subject", max_attempts=2, **SETTINGS))
    for subject in ("web", "web", "web", "db", "db"):
        world.put("alert", subject)
    states: dict[str, list[str | None]] = {}
    while (claim := world.claim("pager")) is not None:
        [subject] = set(subjects(claim))
        if subject == "db":
            world.finish(claim)
            continue
        assert len(claim.inputs) == 3
        states.setdefault(subject, []).append(world.fail(claim))
        world.advance(2 * SECOND)
    assert states == {"web": ["ready", "dead"]}
    assert sorted(row.state for row in world.board.activations()) == ["dead", "done"]


def test_a_mark_that_is_isolated_gets_an_activation_about_the_same_subject(world: World) -> None:
    world.deploy(KINDS, spec("pager", total("alert") >= 2, **SETTINGS))
    for _ in range(3):
        world.put("alert", "web")
    claim = world.claimed("pager")
    bad = claim.inputs[0].event.mark_id
    assert in_transaction(world.board, activation_splits.isolate, claim.row, [bad]) == {bad}
    world.finish(claim)
    alone = world.claimed("pager")
    assert (alone.subjects, [item.event.mark_id for item in alone.inputs]) == (("web",), [bad])
    world.finish(alone)
    assert {row.state for row in world.crossings()} == {"done"}


def failed_batch(world: World) -> Claim:
    """Return the failed activation of a batch of three subjects, whose watch then becomes per subject."""
    condition = total("alert") >= 1
    world.deploy(KINDS, spec("pager", condition, per="batch", max_attempts=5, **SETTINGS))
    for subject in ("web", "db", "mail", "db"):
        world.put("alert", subject)
    claim = world.claimed("pager")
    assert sorted(subjects(claim)) == ["db", "db", "mail", "web"]
    with pytest.raises(AgentError, match=r"takes a batch.*context\.subjects"):
        single_subject("pager", claim.per, claim.subjects)
    return claim


def test_a_batch_that_is_retried_is_split_between_subjects_when_its_watch_became_per_subject(world: World) -> None:
    claim = failed_batch(world)
    assert world.fail(claim) == "ready"
    world.deploy({}, spec("pager", total("alert") >= 1, max_attempts=5, **SETTINGS))
    world.advance(2 * SECOND)
    taken = []
    while (part := world.claim("pager")) is not None:
        taken.append((sorted(subjects(part)), part.row.attempt))
        assert single_subject("pager", part.per, part.subjects) == part.subjects[0]
        world.finish(part)
    assert sorted(taken) == [(["db", "db"], 2), (["mail"], 2), (["web"], 2)]
    assert {row.state for row in world.crossings()} == {"done"}


def test_an_answer_about_a_batch_is_not_given_up_when_its_watch_becomes_per_subject(world: World) -> None:
    claim = failed_batch(world)

    def ask(txn: BoardTransaction) -> None:
        call = model_calls.plan(txn, claim.row.id, agent="pager", model="model", body="{}", marks=2)
        model_calls.reserve(txn, call, 1)
        model_calls.record_answer(txn, call.id, "{}", None, CallCost(cost=1))
        activation_results.hand_back(txn, claim.row)

    world.board.session.write(ask)
    world.deploy({}, spec("pager", total("alert") >= 1, max_attempts=5, **SETTINGS))
    again = world.claimed("pager")
    assert len(again.inputs) == 4
    with pytest.raises(AgentError, match="has 3 subjects"):
        single_subject("pager", again.per, again.subjects)


@pytest.mark.parametrize(("before", "after"), [("batch", "subject"), ("subject", "batch")])
def test_another_per_is_not_another_watch_and_concerns_what_waits(world: World, before: Per, after: Per) -> None:
    world.deploy(KINDS, spec("pager", total("alert") >= 1, per=before, **SETTINGS))
    for subject in ("web", "db"):
        world.put("alert", subject)
    crossed = world.crossings()
    world.deploy({}, spec("pager", total("alert") >= 1, per=after, **SETTINGS))
    assert world.crossings() == crossed
    assert len(set(subjects(world.claimed("pager")))) == (1 if after == "subject" else 2)


def test_an_explanation_says_that_activations_are_per_subject(world: World) -> None:
    world.deploy(KINDS, spec("pager", {"sum": total("alert") >= 1, "each": strength("alert") >= 1}))
    assert {one.watch: one.per for one in world.board.explain("pager").watches} == {"sum": "subject", "each": "batch"}


@examples(0.5)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([0.3, 0.5, 1.0])), max_size=12),
    st.sampled_from(
        ['strength("alert") >= 0.5', 'total("alert") >= 1', '(count("alert") >= 2) | (total("alert") >= 1)']
    ),
    st.integers(1, 4),
)
def test_no_activation_mixes_subjects_and_each_mark_is_given_once(
    tmp_path_factory: pytest.TempPathFactory, deposits: list[tuple[str, float]], condition: str, batch: int
) -> None:
    with closing(World(tmp_path_factory.mktemp("board") / "board.db")) as world:
        world.deploy(KINDS, spec("pager", parse_condition(condition), per="subject", batch=batch, **SETTINGS))
        for subject, intensity in deposits:
            world.put("alert", subject, intensity)
        seen: list[int] = []
        while (claim := world.claim("pager")) is not None:
            assert len(set(subjects(claim))) == 1
            assert 1 <= len(claim.inputs) <= batch
            seen += [item.event.mark_id for item in claim.inputs]
            world.finish(claim)
        assert len(seen) == len(set(seen))
        if "strength" in condition:
            assert len(seen) == sum(intensity >= 0.5 for _, intensity in deposits)


def test_a_stored_watch_without_the_setting_takes_the_default() -> None:
    assert WatchSpec.model_validate_json('{"name": "sum", "when": "total(alert) >= 1"}').per is None
